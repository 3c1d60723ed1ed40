// What may end a wait from outside, the caller's signal or the clock, as one signal that says which. Released in one call.

import { SSEError, toSSEError } from "./errors.ts";
import type { Timers } from "./timers.ts";

export class Watch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #timeoutMs: number;
  readonly #timers: Timers;
  #timer: unknown;

  /** @param timeoutMs Longest silence between two calls of `touch`; 0: none is too long. */
  constructor(outer: AbortSignal | undefined, timeoutMs: number, timers: Timers) {
    this.#outer = outer;
    this.#timeoutMs = timeoutMs;
    this.#timers = timers;
    if (outer?.aborted) this.#followOuter();
    else outer?.addEventListener("abort", this.#followOuter);
    this.touch();
  }

  /** Its reason is the error to end with. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** @throws {SSEError} the wait is over */
  check(): void {
    if (this.signal.aborted) throw this.signal.reason;
  }

  /** There was a sign of life. */
  touch(): void {
    this.#stopTimer();
    if (this.#timeoutMs <= 0 || this.signal.aborted) return;
    this.#timer = this.#timers.setTimeout(() => this.#end(new SSEError("timeout")), this.#timeoutMs);
  }

  /** For work that may not listen to signals. Not for each chunk: its listener stays until the end. */
  async race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    return new Promise<T>((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason));
      work.then(resolve, reject);
    });
  }

  async pause(delayMs: number): Promise<void> {
    let handle: unknown;
    const wait = new Promise<void>((resolve) => {
      handle = this.#timers.setTimeout(resolve, delayMs);
    });
    await this.race(wait).finally(() => this.#timers.clearTimeout(handle));
  }

  release(): void {
    this.#stopTimer();
    this.#outer?.removeEventListener("abort", this.#followOuter);
  }

  readonly #followOuter = (): void => this.#end(toSSEError(this.#outer?.reason, "aborted"));

  #end(error: SSEError): void {
    this.release();
    this.#controller.abort(error);
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
