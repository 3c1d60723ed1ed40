// How much has begun within the last minute, or any other stretch, and when there is room again. Pure: the time is told.

import type { Rate } from "../../contract/limits.ts";

/** A window's parts: what happened in one of them is forgotten together, so that its memory is the same for any rate. */
const parts = 60;

export class RateWindow {
  readonly limit: number;
  readonly #partMs: number;
  /** One more than the window has: the part that runs now is not over yet. */
  readonly #amounts = new Float64Array(parts + 1);
  #newest = 0;
  #sum = 0;

  constructor({ limit, windowMs }: Rate) {
    this.limit = limit;
    this.#partMs = windowMs / parts;
  }

  /** Milliseconds until so much more may begin. What is more than the whole limit has to wait for an empty window. */
  waitMs(amount: number, nowMs: number): number {
    this.#advance(nowMs);
    const excess = this.#sum + Math.min(amount, this.limit) - this.limit;
    if (excess <= 0) return 0;
    let freed = 0;
    for (let part = this.#newest - parts; part <= this.#newest; part++) {
      freed += this.#amounts[indexOf(part)] ?? 0;
      if (freed >= excess) return Math.max((part + parts + 1) * this.#partMs - nowMs, 1);
    }
    return (parts + 1) * this.#partMs;
  }

  /** The same for what will not begin at once, but piece by piece as the limit allows. */
  spreadMs(amount: number, nowMs: number): number {
    const wholeWindows = Math.max(Math.ceil(amount / this.limit) - 1, 0);
    return wholeWindows * this.#partMs * parts + this.waitMs(amount - wholeWindows * this.limit, nowMs);
  }

  add(amount: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#change(this.#newest, amount);
  }

  /** What was added at that time was more, or less: less counts from then, more from now on. */
  correct(difference: number, addedAtMs: number, nowMs: number): void {
    this.#advance(nowMs);
    if (difference >= 0) return this.#change(this.#newest, difference);
    const part = Math.floor(addedAtMs / this.#partMs);
    if (part >= this.#newest - parts && part <= this.#newest) this.#change(part, difference);
  }

  #change(part: number, amount: number): void {
    const index = indexOf(part);
    this.#amounts[index] = (this.#amounts[index] ?? 0) + amount;
    this.#sum += amount;
  }

  #advance(nowMs: number): void {
    const now = Math.floor(nowMs / this.#partMs);
    if (now <= this.#newest) return;
    const first = Math.max(this.#newest + 1, now - parts);
    for (let part = first; part <= now; part++) {
      const index = indexOf(part);
      this.#sum -= this.#amounts[index] ?? 0;
      this.#amounts[index] = 0;
    }
    this.#newest = now;
  }
}

function indexOf(part: number): number {
  const index = part % (parts + 1);
  return index < 0 ? index + parts + 1 : index;
}
