// One circuit of the breaker: closed, open for a time, or half open, when one request tries what is behind it. Counts
// nothing: when it opens is for others to say.

export type CircuitState = "closed" | "open" | "half-open";

/** A request that tries what was passed over. */
export interface Trial {
  readonly untilMs: number;
}

export class Circuit {
  /** From when one request may try it. Undefined: it is closed. */
  #retryAtMs: number | undefined;
  #trial: Trial | undefined;

  get isClosed(): boolean {
    return this.#retryAtMs === undefined;
  }

  state(nowMs: number): CircuitState {
    if (this.#retryAtMs === undefined) return "closed";
    return this.#retryAtMs <= nowMs ? "half-open" : "open";
  }

  /** Whether a request may pass, be it to try. */
  admits(nowMs: number): boolean {
    if (this.#retryAtMs === undefined) return true;
    return this.#retryAtMs <= nowMs && (this.#trial === undefined || this.#trial.untilMs <= nowMs);
  }

  open(untilMs: number): void {
    this.#retryAtMs = untilMs;
  }

  /** One request may try it now, if it is open. */
  halfOpen(nowMs: number): void {
    if (this.#retryAtMs !== undefined) this.#retryAtMs = Math.min(this.#retryAtMs, nowMs);
  }

  close(): void {
    this.#retryAtMs = undefined;
    this.#trial = undefined;
  }

  /** A request passes. @returns its trial, if it is the one that tries */
  enter(nowMs: number, longestMs: number): Trial | undefined {
    if (this.#retryAtMs === undefined) return undefined;
    if (this.#trial !== undefined && this.#trial.untilMs > nowMs) return undefined;
    this.#trial = { untilMs: nowMs + longestMs };
    return this.#trial;
  }

  /** The trial is over. @returns false when it was none, or has taken so long that another one took its place */
  leave(trial: Trial | undefined): boolean {
    if (trial === undefined || this.#trial !== trial) return false;
    this.#trial = undefined;
    return true;
  }
}
