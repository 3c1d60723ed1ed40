// Tokens come faster than a page can be drawn: groups them.

import { systemTimers, type Timers } from "./timers.ts";

/** Hands on what has come together, at most once per interval. No timer runs while nothing waits. */
export class TokenBuffer {
  readonly #onFlush: (text: string) => void;
  readonly #intervalMs: number;
  readonly #timers: Timers;
  #text = "";
  #timer: unknown;

  /** @param intervalMs From the first token that waits to the flush, in milliseconds. */
  constructor(onFlush: (text: string) => void, intervalMs = 50, timers: Timers = systemTimers) {
    this.#onFlush = onFlush;
    this.#intervalMs = intervalMs;
    this.#timers = timers;
  }

  add(token: string): void {
    if (token === "") return;
    this.#text += token;
    this.#timer ??= this.#timers.setTimeout(() => this.flush(), this.#intervalMs);
  }

  /** Hands on what waits, now. */
  flush(): void {
    const text = this.#text;
    this.clear();
    if (text !== "") this.#onFlush(text);
  }

  /** Forgets what waits. */
  clear(): void {
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#text = "";
  }
}
