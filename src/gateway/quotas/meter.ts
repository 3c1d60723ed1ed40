// One amount of one subject within windows of time: what is known of it here, and what the store has not been told yet.

import type { CallerLimits } from "../../contract/access.ts";
import { type AmountKey, carriedOver } from "../../store/amount-store.ts";

export interface MeterKind {
  readonly name: string;
  /** What it is held against. */
  readonly limit: Exclude<keyof CallerLimits, "streams">;
  readonly windowMs: number;
  /** The past window counts by the part of it that lies less than a window back: there is no edge to gather at. */
  readonly slides: boolean;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;

export const requestsPerMinute: MeterKind = {
  name: "requests/minute",
  limit: "requestsPerMinute",
  windowMs: minuteMs,
  slides: true,
};
export const tokensPerMinute: MeterKind = {
  name: "tokens/minute",
  limit: "tokensPerMinute",
  windowMs: minuteMs,
  slides: true,
};
export const tokensPerDay: MeterKind = {
  name: "tokens/day",
  limit: "tokensPerDay",
  windowMs: dayMs,
  slides: false,
};
/** In millionths of a dollar. */
export const spendPerDay: MeterKind = {
  name: "spend/day",
  limit: "spendPerDay",
  windowMs: dayMs,
  slides: false,
};
export const meterKinds: readonly MeterKind[] = [requestsPerMinute, tokensPerMinute, tokensPerDay, spendPerDay];

/** An amount that the store has to be told. */
export interface Late extends AmountKey {
  readonly amount: number;
}

export class Meter {
  readonly subject: string;
  readonly kind: MeterKind;
  startMs = Number.NEGATIVE_INFINITY;
  /** Of this window, by all processes, as the store told last. */
  shared = 0;
  /** Of the window before. */
  previous = 0;
  /** Counted here and not yet told. */
  pending = 0;
  /** Taken from the store in advance: part of `shared`, and not used yet. */
  reserved = 0;
  /** By which the store was asked last: other settings may bring another one. */
  limit = 0;
  readAtMs = Number.NEGATIVE_INFINITY;
  /** Nothing is left, as the store told: until then it is not asked again. */
  refusedUntilMs = Number.NEGATIVE_INFINITY;
  readonly #late: (late: Late) => void;

  /** @param late told what belongs to a window that is over */
  constructor(subject: string, kind: MeterKind, late: (late: Late) => void) {
    this.subject = subject;
    this.kind = kind;
    this.#late = late;
  }

  key(startMs = this.startMs): AmountKey {
    return { subject: this.subject, kind: this.kind.name, startMs };
  }

  /** Moves on to the window of this moment. A clock that is set back stays where it is. */
  roll(nowMs: number): void {
    const startMs = Math.floor(nowMs / this.kind.windowMs) * this.kind.windowMs;
    if (startMs <= this.startMs) return;
    const isNext = startMs === this.startMs + this.kind.windowMs;
    // What was taken in advance was never used.
    this.#tellLate(this.pending - this.reserved, this.startMs);
    this.previous = isNext ? this.shared + this.pending - this.reserved : 0;
    this.startMs = startMs;
    this.shared = 0;
    this.pending = 0;
    this.reserved = 0;
    this.readAtMs = Number.NEGATIVE_INFINITY;
    this.refusedUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** @param startMs the window that it belongs to */
  add(amount: number, startMs = this.startMs): void {
    if (startMs === this.startMs) this.pending += amount;
    else this.#tellLate(amount, startMs);
  }

  /** Takes one of those that were taken in advance. @returns false when it has to be asked for */
  takeReserved(limit: number): boolean {
    if (this.reserved <= 0 || limit < this.limit) return false;
    this.reserved--;
    return true;
  }

  /** They are not used. @returns what the store is to be told of it */
  giveUpReserved(): Late {
    const amount = -this.reserved;
    this.shared += amount;
    this.reserved = 0;
    return { ...this.key(), amount };
  }

  /** Nothing of it was used, as the store has it too. */
  reset(): void {
    this.shared = 0;
    this.previous = 0;
    this.pending = 0;
    this.reserved = 0;
    this.readAtMs = Number.NEGATIVE_INFINITY;
    this.refusedUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** The part of the past window that still counts. */
  carried(nowMs: number): number {
    if (!this.kind.slides) return 0;
    return Math.min(1, Math.max(0, 1 - (nowMs - this.startMs) / this.kind.windowMs));
  }

  used(nowMs: number): number {
    return Math.max(0, carriedOver(this.previous, this.carried(nowMs)) + this.#current);
  }

  /** Milliseconds until one more fits under the limit, if nobody else takes it. */
  waitMs(limit: number, nowMs: number): number {
    const { windowMs, slides } = this.kind;
    const elapsedMs = Math.max(0, nowMs - this.startMs);
    const untilNextMs = windowMs - elapsedMs;
    if (!slides) return untilNextMs;
    const room = limit - this.#current;
    // Until no more than that is left of what lies a window back.
    if (room > 0) return Math.max(1, Math.ceil(windowMs * (1 - room / this.previous) - elapsedMs));
    return untilNextMs + Math.max(0, Math.ceil(windowMs * (1 - limit / this.#current)));
  }

  /** Milliseconds until the window is over. */
  untilNextMs(nowMs: number): number {
    return Math.max(0, this.startMs + this.kind.windowMs - nowMs);
  }

  get #current(): number {
    return this.shared + this.pending - this.reserved;
  }

  #tellLate(amount: number, startMs: number): void {
    if (amount !== 0 && Number.isFinite(startMs)) this.#late({ ...this.key(startMs), amount });
  }
}
