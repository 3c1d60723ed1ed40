// What one subject uses: its meters and its running replies. Refusals are thrown here, with the time until one more fits.

import type { CallerLimits } from "../../contract/access.ts";
import type { Clock } from "../../contract/clock.ts";
import type { AddedAmount, AmountStore } from "../../store/amount-store.ts";
import type { OutageLog } from "../../telemetry/outage-log.ts";
import type { Allowance, Allowances } from "./allowances.ts";
import {
  Meter,
  type MeterKind,
  requestsPerMinute,
  slides,
  spendPerDay,
  tokensPerDay,
  tokensPerMinute,
} from "./meter.ts";
import type { PricedUsage } from "./prices.ts";
import { type LimitedWhom, tooManyReplies, tooManyRequests, tooMuch } from "./refusals.ts";

export interface LedgerParts {
  readonly store: AmountStore;
  readonly clock: Clock;
  /** What cannot be asked of the store: told once for all ledgers. */
  readonly outages: Readonly<Record<"requests" | "replies" | "amounts", OutageLog>>;
  /** The store could not be told: with the next. */
  late(amounts: readonly AddedAmount[]): void;
  /** Something of it is to be told to the store. */
  changed(ledger: Ledger): void;
  /** Replies of it are noted in the store, and have to be said again. */
  holds(): void;
  /** In millionths of a dollar. */
  priceOf(model: string, usage: PricedUsage): number;
}

/** The tokens of a prompt that were counted before anybody knew better. */
export interface Debt {
  settle(model: string, usage: PricedUsage): void;
  cancel(): void;
}

/** What other processes took is learnt again after so long. */
const freshMs = 1000;
/** Requests are taken from the store by a twentieth of their limit at a time, at most so many. */
const mostInBlock = 100;
const blocksInLimit = 20;
/** How long running replies count that are not said again. */
export const replyHoldMs = 30_000;
/** How long a refusal stands for those who ask again at once. */
const refusedMs = 100;

export class Ledger {
  readonly #subject: string;
  readonly #parts: LedgerParts;
  readonly #meters = new Map<MeterKind, Meter>();
  /** Replies that run here, and how many the store knows of. */
  open = 0;
  held = 0;
  /** Among the open ones: the store has not said yet whether they may run. */
  #waiting = 0;
  usedAtMs: number;
  /** Another one after each reset: what was taken before is not given back after it. */
  #era = 0;
  #reading: Promise<void> | undefined;
  #reserving: Promise<number> | undefined;

  constructor(subject: string, parts: LedgerParts) {
    this.#subject = subject;
    this.#parts = parts;
    this.usedAtMs = parts.clock();
  }

  /** @throws {GatewayError} `rate-limited`, also by rejecting */
  count(limits: CallerLimits, whom: LimitedWhom = "key"): Promise<void> | undefined {
    this.usedAtMs = this.#parts.clock();
    const stale = this.#staleMeters(limits);
    if (stale.length > 0) return this.#read(stale).then(() => this.#countKnown(limits, whom));
    return this.#countKnown(limits, whom);
  }

  #countKnown(limits: CallerLimits, whom: LimitedWhom): Promise<void> | undefined {
    this.#requireTokens(limits);
    const limit = limits.requestsPerMinute;
    if (limit === undefined) return undefined;
    const meter = this.#meter(requestsPerMinute);
    return this.#takeReserved(meter, limit) ? undefined : this.#takeOne(meter, limit, whom);
  }

  async #takeOne(meter: Meter, limit: number, whom: LimitedWhom): Promise<void> {
    for (;;) {
      const nowMs = this.#parts.clock();
      meter.roll(nowMs);
      if (this.#takeReserved(meter, limit)) return;
      if (meter.reserved > 0) this.#giveUpReserved(meter);
      const isKnown = nowMs < meter.refusedUntilMs && limit <= meter.limit;
      const isRefused = isKnown || (await this.#nextBlock(meter, limit)) === 0;
      if (isRefused) throw tooManyRequests(limit, meter.waitMs(limit, this.#parts.clock()), whom);
    }
  }

  /** The store hears of it together with others, when they were taken some time ago. */
  #takeReserved(meter: Meter, limit: number): boolean {
    const { clock, changed } = this.#parts;
    if (!meter.takeReserved(limit, clock())) return false;
    changed(this);
    return true;
  }

  /** There is a lower limit now: what was taken by the former one would go beyond it. */
  #giveUpReserved(meter: Meter): void {
    this.#tellAtOnce([meter.giveUpReserved()]);
  }

  /** Not awaited: what the store is asked next comes behind it. */
  #tellAtOnce(amounts: readonly AddedAmount[]): void {
    const { store, late } = this.#parts;
    void store.addAmounts(amounts).catch(() => late(amounts));
  }

  /** Who comes meanwhile shares it. @returns how many there were to share */
  #nextBlock(meter: Meter, limit: number): Promise<number> {
    this.#reserving ??= this.#reserve(meter, limit).finally(() => (this.#reserving = undefined));
    return this.#reserving;
  }

  async #reserve(meter: Meter, limit: number): Promise<number> {
    const { store, clock, outages } = this.#parts;
    const nowMs = clock();
    const wanted = Math.max(1, Math.min(mostInBlock, Math.floor(limit / blocksInLimit)));
    const { startMs } = meter;
    // What was given back counts no more for whoever asks now.
    const untold = meter.take(false);
    if (untold.length > 0) this.#tellAtOnce(untold);
    try {
      const span = { ...meter.span(nowMs), startMs, atMs: nowMs, afterMs: meter.afterMs(nowMs) };
      const { granted, parts } = await store.reserveAmount({ ...span, wanted, limit });
      outages.requests.worked();
      meter.roll(clock());
      meter.know(parts);
      meter.limit = limit;
      meter.reserve(granted, startMs, clock());
      // No longer than until one fits: meanwhile others may give something back.
      const refusedForMs = granted === 0 ? Math.min(refusedMs, meter.waitMs(limit, nowMs)) : Number.NEGATIVE_INFINITY;
      meter.refusedUntilMs = nowMs + refusedForMs;
      // What is not used is given back when its second is over, whether somebody asks again or not.
      if (granted > 0) this.#parts.changed(this);
      return granted;
    } catch (error) {
      // A full disk is no reason to serve nobody: this process counts for itself.
      outages.requests.failed(error);
      if (meter.used(nowMs) >= limit) return 0;
      meter.roll(clock());
      meter.reserved++;
      meter.add(1, clock());
      this.#parts.changed(this);
      return 1;
    }
  }

  /** @throws {GatewayError} `rate-limited` */
  #requireTokens(limits: CallerLimits): void {
    const nowMs = this.#parts.clock();
    for (const { kind, limit, name } of postpaid(limits)) {
      const meter = this.#meter(kind);
      if (meter.used(nowMs) >= limit) throw tooMuch(name, limit, meter.waitMs(limit, nowMs));
    }
  }

  allowances(limits: CallerLimits): Allowances {
    const requests = limits.requestsPerMinute;
    const tokens = postpaid(limits).flatMap(({ kind, limit }) =>
      kind === spendPerDay ? [] : [this.#allowance(kind, limit)],
    );
    const least = tokens.reduce<Allowance | undefined>(
      (least, one) => (least === undefined || one.remaining < least.remaining ? one : least),
      undefined,
    );
    return {
      ...(requests === undefined ? {} : { requests: this.#allowance(requestsPerMinute, requests) }),
      ...(least === undefined ? {} : { tokens: least }),
    };
  }

  #allowance(kind: MeterKind, limit: number): Allowance {
    const nowMs = this.#parts.clock();
    const meter = this.#meter(kind);
    return { limit, remaining: Math.max(0, limit - meter.used(nowMs)), resetMs: meter.resetMs(nowMs) };
  }

  /** A reply that is not limited: it counts when a limit comes up. @returns leaves again, once */
  attend(): () => void {
    this.usedAtMs = this.#parts.clock();
    this.open++;
    let isIn = true;
    return () => {
      if (isIn) this.open--;
      isIn = false;
      if (this.held > this.open) this.#parts.changed(this);
    };
  }

  /** @returns leaves again. @throws {GatewayError} `rate-limited` */
  async enter({ streams }: CallerLimits, whom: LimitedWhom): Promise<() => void> {
    const leave = this.attend();
    if (streams === undefined || (this.open <= this.held && this.open <= streams)) return leave;
    // More may run here already, where the limit has become lower.
    if (this.open <= streams && (await this.#mayRun(streams))) {
      this.#parts.holds();
      return leave;
    }
    leave();
    throw tooManyReplies(streams, whom);
  }

  /** Held against those that run: whoever came meanwhile waits for an answer of his own. */
  async #mayRun(streams: number): Promise<boolean> {
    this.#waiting++;
    await this.#hold(streams);
    this.#waiting--;
    if (this.held > this.open) this.#parts.changed(this);
    return this.open - this.#waiting <= this.held;
  }

  async #hold(streams: number): Promise<void> {
    const { store, clock, outages } = this.#parts;
    try {
      this.held = await store.holdReplies(this.#subject, this.open, streams, clock() + replyHoldMs);
      outages.replies.worked();
    } catch (error) {
      outages.replies.failed(error);
      this.held = Math.min(this.open, streams);
    }
  }

  /** Tells the store that fewer replies run. Never rejects. */
  async giveBack(): Promise<void> {
    // An answer that is under way says what was held before, and whoever waits for it has too much given back.
    if (this.held <= this.open || this.#waiting > 0) return;
    const { store, clock, outages } = this.#parts;
    // At once: whoever enters meanwhile asks anew.
    this.held = this.open;
    try {
      await store.holdReplies(this.#subject, this.open, this.open, clock() + replyHoldMs);
      outages.replies.worked();
    } catch (error) {
      outages.replies.failed(error);
    }
  }

  /** @throws {GatewayError} `rate-limited` */
  debit(limits: CallerLimits, promptTokens: () => number): Debt {
    const kinds = postpaid(limits);
    if (kinds.length === 0) return noDebt;
    this.#requireTokens(limits);
    const tokens = promptTokens();
    const meters = kinds.filter(({ kind }) => kind !== spendPerDay).map(({ kind }) => this.#meter(kind));
    let debts = meters.map((meter) => ({ meter, startMs: meter.startMs }));
    const { clock } = this.#parts;
    for (const meter of meters) meter.add(tokens, clock());
    this.#parts.changed(this);
    const era = this.#era;
    const cancel = (): void => {
      if (era !== this.#era) debts = [];
      for (const { meter, startMs } of debts) meter.add(-tokens, clock(), startMs);
      debts = [];
      this.#parts.changed(this);
    };
    return {
      cancel,
      settle: (model, usage) => {
        cancel();
        for (const { kind } of kinds) {
          const isMoney = kind === spendPerDay;
          const amount = isMoney ? this.#parts.priceOf(model, usage) : usage.inputTokens + usage.outputTokens;
          this.#meter(kind).add(amount, clock());
        }
      },
    };
  }

  /** What was taken in advance in a second that is over is given back. */
  roll(): void {
    const nowMs = this.#parts.clock();
    for (const meter of this.#meters.values()) meter.roll(nowMs);
  }

  /** All that it has used is forgotten; what runs goes on. */
  reset(): void {
    this.#era++;
    for (const meter of this.#meters.values()) meter.reset();
  }

  /** What was taken in advance and is not used yet, as of the last `roll`. */
  reservedOf(kind: MeterKind): number {
    return this.#meters.get(kind)?.reserved ?? 0;
  }

  /** Something was taken in advance: it is to be given back, should nobody use it. */
  get holdsReserved(): boolean {
    return [...this.#meters.values()].some(({ reserved }) => reserved > 0);
  }

  /** What is to be told, which counts as told from now on. @param isLast also gives back what was taken in advance */
  take(isLast: boolean): AddedAmount[] {
    return [...this.#meters.values()].flatMap((meter) => meter.take(isLast));
  }

  /** @param sum what stands there now, by all processes */
  wasTold({ kind, startMs }: AddedAmount, sum: number): void {
    for (const meter of this.#meters.values()) if (meter.kind.name === kind) meter.knowSum(startMs, sum);
  }

  #staleMeters(limits: CallerLimits): readonly Meter[] {
    const staleMs = this.#parts.clock() - freshMs;
    return postpaid(limits)
      .map(({ kind }) => this.#meter(kind))
      .filter(({ readAtMs }) => readAtMs <= staleMs);
  }

  /** One question for all that ask at the same time. */
  #read(meters: readonly Meter[]): Promise<void> {
    this.#reading ??= this.#readNow(meters).finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readNow(meters: readonly Meter[]): Promise<void> {
    const { store, clock, outages } = this.#parts;
    const askedAtMs = clock();
    try {
      const found = await store.readAmounts(meters.map((meter) => meter.span(askedAtMs)));
      outages.amounts.worked();
      for (const [index, meter] of meters.entries()) {
        const { startMs } = meter;
        meter.roll(clock());
        // A day that is over meanwhile says nothing about the next one.
        if (!slides(meter.kind) && meter.startMs !== startMs) continue;
        meter.know(found[index] ?? []);
        meter.readAtMs = askedAtMs;
      }
    } catch (error) {
      outages.amounts.failed(error);
    }
  }

  #meter(kind: MeterKind): Meter {
    let meter = this.#meters.get(kind);
    if (meter === undefined) {
      meter = new Meter(this.#subject, kind, () => this.#parts.changed(this));
      this.#meters.set(kind, meter);
    }
    meter.roll(this.#parts.clock());
    return meter;
  }
}

const noDebt: Debt = { settle() {}, cancel() {} };

/** What is known only when a reply has ended. */
function postpaid({ tokensPerMinute: perMinute, tokensPerDay: perDay, spendPerDay: spend }: CallerLimits) {
  return [
    ...(perMinute === undefined ? [] : [{ kind: tokensPerMinute, limit: perMinute, name: "tokens a minute" }]),
    ...(perDay === undefined ? [] : [{ kind: tokensPerDay, limit: perDay, name: "tokens a day" }]),
    ...(spend === undefined ? [] : [{ kind: spendPerDay, limit: spend * 1e6, name: "dollars a day" }]),
  ];
}
