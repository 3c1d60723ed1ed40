// What one request may spend at its upstream: attempts, and one stretch of time for all of them.

import { type GatewayError, withoutRepetition } from "../../contract/gateway-error.ts";

export interface RetryLimits {
  readonly maxAttempts: number;
  readonly maxDelayMs: number;
}

export class RetryBudget {
  attempts = 0;
  readonly #limits: RetryLimits;
  readonly #budgetMs: number;
  #deadlineMs: number;
  #hasRepeatedEmpty = false;

  constructor(limits: RetryLimits, budgetMs: number) {
    this.#limits = limits;
    this.#budgetMs = budgetMs;
    this.#deadlineMs = Date.now() + budgetMs;
  }

  /** Epoch milliseconds after which no attempt starts. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** The first attempt comes only now: what was waited for others is not spent on attempts. */
  restart(): void {
    this.#deadlineMs = Date.now() + this.#budgetMs;
  }

  get hasTime(): boolean {
    return Date.now() < this.#deadlineMs;
  }

  /** Whether a refused request may be sent once more, changed: at once, so that no delay counts. */
  get hasAttempt(): boolean {
    return this.attempts < this.#limits.maxAttempts && this.hasTime;
  }

  /** Whether an empty answer is asked for anew: once, while there is an attempt and time for it. What stays empty is told so. */
  takeEmptyRepetition(): boolean {
    const { maxAttempts, maxDelayMs } = this.#limits;
    const hasRoom = this.attempts < maxAttempts && Date.now() + maxDelayMs < this.#deadlineMs;
    if (this.#hasRepeatedEmpty || !hasRoom) return false;
    this.#hasRepeatedEmpty = true;
    return true;
  }

  /** The failure as its client hears it: one that has spent all the time, attempts being left, is not to be begun anew. */
  asFinal(error: GatewayError): GatewayError {
    const { maxAttempts, maxDelayMs } = this.#limits;
    const hasTriedAll = this.attempts >= maxAttempts || (error.retryAfterMs ?? 0) > maxDelayMs;
    return error.retryable && !hasTriedAll ? withoutRepetition(error) : error;
  }
}
