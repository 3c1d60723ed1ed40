// One amount of one subject: what is known of it here, in parts by the time at which it came, and what the store has not been
// told yet. Pure: the time is told.

import type { CallerLimits } from "../../contract/access.ts";
import type { AddedAmount, AmountKey, AmountPart, AmountSpan } from "../../store/amount-store.ts";

export interface MeterKind {
  readonly name: string;
  /** What it is held against. */
  readonly limit: Exclude<keyof CallerLimits, "streams">;
  readonly windowMs: number;
  /**
   * What came within so long is one part, and leaves the window together: a window's length after the last of it. So no
   * stretch of that length ever has more than the limit, and at most one part is counted for too long. A part as long as its
   * window is a day by the calendar, which begins anew.
   */
  readonly partMs: number;
}

const minuteMs = 60_000;
const secondMs = 1000;
const dayMs = 86_400_000;

export const requestsPerMinute: MeterKind = {
  name: "requests/minute",
  limit: "requestsPerMinute",
  windowMs: minuteMs,
  partMs: secondMs,
};
export const tokensPerMinute: MeterKind = {
  name: "tokens/minute",
  limit: "tokensPerMinute",
  windowMs: minuteMs,
  partMs: secondMs,
};
export const tokensPerDay: MeterKind = {
  name: "tokens/day",
  limit: "tokensPerDay",
  windowMs: dayMs,
  partMs: dayMs,
};
/** In millionths of a dollar. */
export const spendPerDay: MeterKind = {
  name: "spend/day",
  limit: "spendPerDay",
  windowMs: dayMs,
  partMs: dayMs,
};
export const meterKinds: readonly MeterKind[] = [requestsPerMinute, tokensPerMinute, tokensPerDay, spendPerDay];

export function slides({ partMs, windowMs }: MeterKind): boolean {
  return partMs < windowMs;
}

/** As the store is asked: the first part of which something may count still. */
export function countedSinceMs({ partMs, windowMs }: MeterKind, nowMs: number): number {
  return startOfPart(partMs < windowMs ? nowMs - windowMs : nowMs, partMs);
}

function startOfPart(atMs: number, partMs: number): number {
  return Math.floor(atMs / partMs) * partMs;
}

interface Part {
  /** By all processes, as the store told last. */
  shared: number;
  /** Counted here and not yet told. */
  pending: number;
  lastMs: number;
  /** The store knows of an earlier last one. */
  isLater: boolean;
}

export class Meter {
  readonly subject: string;
  readonly kind: MeterKind;
  /** Of the part of this moment. */
  startMs = Number.NEGATIVE_INFINITY;
  /** Taken from the store in advance for this part: among its `shared`, and not used yet. */
  reserved = 0;
  /** By which the store was asked last: other settings may bring another one. */
  limit = 0;
  readAtMs = Number.NEGATIVE_INFINITY;
  /** Nothing is left, as the store told: until then it is not asked again. */
  refusedUntilMs = Number.NEGATIVE_INFINITY;
  /** By their beginnings. */
  readonly #parts = new Map<number, Part>();
  readonly #changed: () => void;

  /** @param changed called when time alone brings something that the store is to be told */
  constructor(subject: string, kind: MeterKind, changed: () => void = () => {}) {
    this.subject = subject;
    this.kind = kind;
    this.#changed = changed;
  }

  key(startMs = this.startMs): AmountKey {
    return { subject: this.subject, kind: this.kind.name, startMs };
  }

  /** All that may count at this moment. */
  span(nowMs: number): AmountSpan {
    return { subject: this.subject, kind: this.kind.name, sinceMs: countedSinceMs(this.kind, nowMs) };
  }

  /** What came until then counts no more. */
  afterMs(nowMs: number): number {
    return slides(this.kind) ? nowMs - this.kind.windowMs : Number.NEGATIVE_INFINITY;
  }

  /** As far ahead as another machine's clock may be. What lies beyond was counted by a clock that has been set back since. */
  #aheadMs(nowMs: number): number {
    return slides(this.kind) ? nowMs + this.kind.windowMs : this.startMs + this.kind.windowMs;
  }

  /** Moves on to the part of this moment. A clock that is set back by less than a window stays where it is. */
  roll(nowMs: number): void {
    const startMs = startOfPart(nowMs, this.kind.partMs);
    const isSetBack = startMs < this.startMs - this.kind.windowMs;
    if (startMs <= this.startMs && !isSetBack) return;
    if (this.reserved > 0) {
      // What was taken in advance was never used, and would count where it was not.
      this.#part(this.startMs).pending -= this.reserved;
      this.reserved = 0;
      this.#changed();
    }
    this.startMs = startMs;
    this.refusedUntilMs = Number.NEGATIVE_INFINITY;
    // Of a new day nothing is known, nor of what another clock has counted.
    if (isSetBack || !slides(this.kind)) this.readAtMs = Number.NEGATIVE_INFINITY;
    for (const [start, part] of this.#parts) if (!this.#counts(start, part, nowMs)) this.#parts.delete(start);
  }

  /** @param startMs of the part to which it belongs: what counts no more is not changed any more either */
  add(amount: number, nowMs: number, startMs = this.startMs): void {
    if (startMs !== this.startMs && !this.#parts.has(startMs)) return;
    const part = this.#part(startMs);
    part.pending += amount;
    if (amount > 0) part.lastMs = Math.max(part.lastMs, nowMs);
  }

  /** Takes one of those that were taken in advance. @returns false when it has to be asked for */
  takeReserved(limit: number, nowMs: number): boolean {
    if (this.reserved <= 0 || limit < this.limit) return false;
    this.reserved--;
    const part = this.#part(this.startMs);
    if (nowMs > part.lastMs) {
      part.lastMs = nowMs;
      part.isLater = true;
    }
    return true;
  }

  /** They are not used. @returns what the store is to be told of it */
  giveUpReserved(): AddedAmount {
    const part = this.#part(this.startMs);
    const amount = -this.reserved;
    part.shared += amount;
    this.reserved = 0;
    return { ...this.key(), amount, lastMs: part.lastMs };
  }

  /** What was granted as of a part that is over by now belongs to this one. */
  reserve(granted: number, startMs: number, nowMs: number): void {
    this.reserved += granted;
    if (startMs === this.startMs || granted === 0) return;
    this.add(-granted, nowMs, startMs);
    this.add(granted, nowMs);
    this.#changed();
  }

  /** As it stands in the store. */
  know(parts: readonly AmountPart[]): void {
    for (const part of this.#parts.values()) part.shared = 0;
    for (const { startMs, amount, lastMs } of parts) {
      const part = this.#part(startMs);
      part.shared = amount;
      part.lastMs = Math.max(part.lastMs, lastMs);
    }
  }

  /** @param sum what stands in the store now, by all processes */
  knowSum(startMs: number, sum: number): void {
    const part = this.#parts.get(startMs);
    if (part !== undefined) part.shared = sum;
  }

  /** What is to be told, which counts as told from now on. @param isLast also gives back what was taken in advance */
  take(isLast: boolean): AddedAmount[] {
    const taken: AddedAmount[] = [];
    for (const [startMs, part] of this.#parts) {
      const back = isLast && startMs === this.startMs ? this.reserved : 0;
      const amount = part.pending - back;
      if (amount !== 0 || part.isLater) taken.push({ ...this.key(startMs), amount, lastMs: part.lastMs });
      part.shared += amount;
      part.pending = 0;
      part.isLater = false;
      this.reserved -= back;
    }
    return taken;
  }

  /** Nothing of it was used, as the store has it too. */
  reset(): void {
    this.#parts.clear();
    this.reserved = 0;
    this.readAtMs = Number.NEGATIVE_INFINITY;
    this.refusedUntilMs = Number.NEGATIVE_INFINITY;
  }

  used(nowMs: number): number {
    let sum = -this.reserved;
    for (const [start, part] of this.#parts) if (this.#counts(start, part, nowMs)) sum += part.shared + part.pending;
    return Math.max(0, sum);
  }

  /** Milliseconds until one more fits under the limit, if nobody else takes it. */
  waitMs(limit: number, nowMs: number): number {
    if (!slides(this.kind)) return this.resetMs(nowMs);
    let left = this.used(nowMs);
    for (const { shared, pending, lastMs } of this.#inOrder(nowMs)) {
      left -= shared + pending;
      if (left < limit) return this.#untilGone(lastMs, nowMs);
    }
    return this.kind.windowMs;
  }

  /** Milliseconds until the limit is whole again: nothing that was used counts any more. */
  resetMs(nowMs: number): number {
    if (!slides(this.kind)) return Math.max(0, this.startMs + this.kind.windowMs - nowMs);
    // Told with every answer: without making lists.
    let lastMs = Number.NEGATIVE_INFINITY;
    const aheadMs = this.#aheadMs(nowMs);
    for (const part of this.#parts.values()) {
      if (part.shared + part.pending > 0 && part.lastMs <= aheadMs) lastMs = Math.max(lastMs, part.lastMs);
    }
    return lastMs > this.afterMs(nowMs) ? this.#untilGone(lastMs, nowMs) : 0;
  }

  /** In the order in which they leave. */
  #inOrder(nowMs: number): Part[] {
    return [...this.#parts]
      .filter(([start, part]) => this.#counts(start, part, nowMs))
      .map(([, part]) => part)
      .sort((one, other) => one.lastMs - other.lastMs);
  }

  /** Where another machine's clock is ahead, no longer than a window. */
  #untilGone(lastMs: number, nowMs: number): number {
    const { windowMs } = this.kind;
    return Math.min(windowMs, Math.max(1, lastMs + windowMs - nowMs));
  }

  #counts(start: number, { lastMs }: Part, nowMs: number): boolean {
    const aheadMs = this.#aheadMs(nowMs);
    if (slides(this.kind)) return lastMs > this.afterMs(nowMs) && lastMs <= aheadMs;
    return start >= this.startMs && start <= aheadMs;
  }

  #part(startMs: number): Part {
    let part = this.#parts.get(startMs);
    if (part === undefined) {
      part = { shared: 0, pending: 0, lastMs: startMs, isLater: false };
      this.#parts.set(startMs, part);
    }
    return part;
  }
}
