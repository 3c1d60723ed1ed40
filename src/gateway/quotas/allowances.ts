// What is left of a caller's limits, for whoever tells it.

/** What is left of one limit. */
export interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until the limit is whole again: of a minute, until nothing counts any more; of a day, until it is over. */
  readonly resetMs: number;
}

export interface Allowances {
  readonly requests?: Allowance;
  /** Of the minute or the day, whichever leaves less. */
  readonly tokens?: Allowance;
}
