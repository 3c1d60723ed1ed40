// How much an upstream takes: as its owner has set it or its plan is known, and as its server tells while it answers.

/** So many within any stretch of that length. */
export interface Rate {
  readonly limit: number;
  readonly windowMs: number;
}

/** Each limit is off unless it is there. */
export interface UpstreamLimits {
  /** Replies that run at a time. */
  readonly maxConcurrent?: number;
  readonly requests: readonly Rate[];
  /** Of prompts and answers together. Prompts are estimated when they are sent and corrected when their reply ends. */
  readonly tokens: readonly Rate[];
  /** Requests that may begin within the first second after rest; from then on twice as many in each second. */
  readonly rampPerSecond?: number;
  /** Most requests that wait. */
  readonly queueSize: number;
  /** Longest wait of one request. */
  readonly queueWaitMs: number;
}

/** What is left of an allowance, as the headers of an answer tell it. */
export interface ToldAllowance {
  readonly remaining: number;
  /** Milliseconds until it is whole again. */
  readonly resetMs: number;
  /** How much it is when it is whole. */
  readonly limit?: number;
}

/** What one answer of a server told of its limits. */
export interface ToldLimits {
  readonly requests?: ToldAllowance;
  readonly tokens?: ToldAllowance;
  /** It takes nothing more of this model for so long. */
  readonly pauseMs?: number;
  /** It was sent more all at once than it takes, or more than its rate. */
  readonly tooSudden?: true;
  /** It runs as many replies as it may. */
  readonly tooMany?: true;
}

/** Hears what an upstream tells of its limits while it serves one request. */
export interface LimitListener {
  told(limits: ToldLimits): void;
}
