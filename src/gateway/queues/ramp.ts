// A rate that may only rise gradually: DashScope refuses requests that come "too quickly", although they are below its
// limits (error-code page of Model Studio, 2026-10). It says no number; doubling within a second is this gateway's.

const secondMs = 1000;
const growth = 2;
/** Seconds without a request after which it begins anew. */
const restSeconds = 5;

export class Ramp {
  readonly #startPerSecond: number;
  /** How many began in each of the newest seconds, the newest last. */
  #counts: number[] = [];
  #second = Number.NEGATIVE_INFINITY;

  constructor(startPerSecond: number) {
    this.#startPerSecond = startPerSecond;
  }

  /** Milliseconds until one more may begin. */
  waitMs(nowMs: number): number {
    this.#advance(nowMs);
    const busiest = Math.max(0, ...this.#counts.slice(0, -1));
    const most = Math.max(this.#startPerSecond, busiest * growth);
    return (this.#counts.at(-1) ?? 0) < most ? 0 : Math.max((this.#second + 1) * secondMs - nowMs, 1);
  }

  add(nowMs: number): void {
    this.#advance(nowMs);
    this.#counts[this.#counts.length - 1] = (this.#counts.at(-1) ?? 0) + 1;
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / secondMs);
    const passed = second - this.#second;
    if (passed <= 0) return;
    if (passed > restSeconds) this.#counts = [0];
    else this.#counts = [...this.#counts, ...Array<number>(passed).fill(0)].slice(-(restSeconds + 1));
    this.#second = second;
  }
}
