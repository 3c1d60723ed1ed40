// How much each caller may use: requests and tokens within a minute, tokens and dollars within a day, replies at a time. Over
// all processes of one store, and cheap: requests are taken from it in blocks, tokens are told it together, now and then.

import type { Quota } from "../../contract/access.ts";
import type { Clock } from "../../contract/clock.ts";
import type { AddedAmount, AmountStore } from "../../store/amount-store.ts";
import type { Log } from "../../telemetry/log.ts";
import { createOutageLog } from "../../telemetry/outage-log.ts";
import type { Allowances } from "./allowances.ts";
import { Ledger, type LedgerParts, replyHoldMs } from "./ledger.ts";
import { type MeterKind, meterKinds, slides } from "./meter.ts";
import type { PricedUsage, PriceOf } from "./prices.ts";
import { sessionSubject } from "./subjects.ts";
import { listUsed, type SubjectsPage, type UsedBySubject } from "./used-amounts.ts";

export interface Question {
  /** As the client named its session. */
  readonly sessionId: string | undefined;
  /** Asked only where tokens are limited. */
  promptTokens(): number;
}

/** One reply that counts. */
export interface Spending {
  /** What it took, in the place of what its prompt was taken for. Again for each request that it made. */
  spent(model: string, usage: PricedUsage): void;
  /** Nothing of it runs any more. More than once does no harm. */
  end(): void;
}

export interface Quotas {
  /**
   * Counts one request, later only where the store has to be asked.
   * @throws {GatewayError} `rate-limited`, also by rejecting
   */
  count(quota: Quota): Promise<void> | undefined;
  /** As far as it is known here: nobody is asked. */
  allowances(quota: Quota): Allowances;
  /** Before a reply begins. @throws {GatewayError} `rate-limited` */
  begin(quota: Quota, question: Question): Promise<Spending>;
  /** A reply without a limit begins: it counts where other settings bring one. @returns ends it */
  attend(subject: string): () => void;
  /** What is counted of whom, over all processes. */
  list(page: SubjectsPage): Promise<readonly UsedBySubject[]>;
  /**
   * Forgets what one has used, so that he begins anew; replies that run go on to count as such. Other processes learn it
   * within a second.
   * @returns false when nothing was counted
   */
  reset(subject: string): Promise<boolean>;
  /** Another process has done so: what is known of it here counts no more. */
  wasReset(subject: string): void;
  /** Tells the store what it has not been told yet. Never rejects. */
  flush(): Promise<void>;
  /** Forgets what is over. Never rejects. */
  sweep(): Promise<void>;
  /** Tells the store all, and gives back what was taken in advance. */
  close(): Promise<void>;
}

export interface QuotasOptions {
  readonly store: AmountStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly priceOf: PriceOf;
  /** How long amounts may wait until the store is told. @defaultValue 100 */
  readonly flushMs?: number;
}

/** Subjects that are known here; the store knows all. */
const mostLedgers = 10_000;
const idleMs = 2 * 60_000;
/** How often parts that count no more are dropped while something is told. */
const dropEveryMs = 60_000;
/** How often running replies are said again. */
const renewMs = replyHoldMs / 3;

export function createQuotas({ store, clock, log, priceOf, flushMs = 100 }: QuotasOptions): Quotas {
  const ledgers = new Map<string, Ledger>();
  /** Those with something to tell. */
  const changed = new Set<Ledger>();
  /** What could not be told, and of ledgers that are closed. */
  let late: AddedAmount[] = [];
  let droppedAtMs = clock();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let renewal: ReturnType<typeof setInterval> | undefined;
  let flushing: Promise<void> | undefined;
  const unpriced = new Set<string>();
  const renewing = createOutageLog(log, "Cannot note running replies");
  const noting = createOutageLog(log, "Cannot note amounts of callers: they are noted with the next ones");

  const parts: LedgerParts = {
    store,
    clock,
    outages: {
      requests: createOutageLog(log, "Cannot note the requests of a caller"),
      replies: createOutageLog(log, "Cannot note the running replies of a caller"),
      amounts: createOutageLog(log, "Cannot read the amounts of a caller"),
    },
    late(amounts) {
      late.push(...amounts);
      plan();
    },
    changed(ledger) {
      changed.add(ledger);
      plan();
    },
    holds() {
      renewal ??= setInterval(() => void renew(), renewMs).unref();
    },
    priceOf(model, usage) {
      const price = priceOf(model, usage);
      if (price === undefined && !unpriced.has(model) && unpriced.size < 1000) {
        unpriced.add(model);
        log.warn("This model has no price: it counts for nothing where spending is limited. Set one in PRICES", {
          model,
        });
      }
      return price ?? 0;
    },
  };

  /** Once for all that is to be told. */
  function plan(): void {
    timer ??= setTimeout(() => void flush(), flushMs).unref();
  }

  function ledgerOf(subject: string): Ledger {
    const known = ledgers.get(subject);
    if (known !== undefined) return known;
    if (ledgers.size >= mostLedgers) makeRoom();
    const created = new Ledger(subject, parts);
    ledgers.set(subject, created);
    return created;
  }

  /** What they have not told yet is told nevertheless. */
  function makeRoom(): void {
    const oldestMs = clock() - idleMs;
    for (const [subject, ledger] of ledgers) {
      if (ledger.open === 0 && ledger.usedAtMs < oldestMs) forget(subject, ledger);
    }
    for (const [subject, ledger] of ledgers) {
      if (ledgers.size < mostLedgers) break;
      if (ledger.open === 0) forget(subject, ledger);
    }
  }

  function forget(subject: string, ledger: Ledger): void {
    late.push(...ledger.take(true));
    ledgers.delete(subject);
    plan();
  }

  async function renew(): Promise<void> {
    try {
      if ([...ledgers.values()].some(({ held }) => held > 0)) {
        await store.renewReplies(clock() + replyHoldMs);
        return renewing.worked();
      }
      clearInterval(renewal);
      renewal = undefined;
    } catch (error) {
      renewing.failed(error);
    }
  }

  async function flush(isLast = false): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    await flushing;
    flushing = tell(isLast).finally(() => (flushing = undefined));
    await flushing;
  }

  async function tell(isLast: boolean): Promise<void> {
    const telling = isLast ? [...ledgers.values()] : [...changed];
    changed.clear();
    for (const ledger of telling) {
      ledger.roll();
      if (!isLast && ledger.holdsReserved) parts.changed(ledger);
    }
    const told = [...late, ...telling.flatMap((ledger) => ledger.take(isLast))];
    late = [];
    try {
      const sums = told.length === 0 ? [] : await store.addAmounts(told);
      if (told.length > 0) noting.worked();
      for (const [index, one] of told.entries()) ledgers.get(one.subject)?.wasTold(one, sums[index] ?? 0);
    } catch (error) {
      noting.failed(error);
      // A disk that stays full must not fill the memory.
      late = [...told, ...late].slice(0, mostLedgers);
    }
    await Promise.all(telling.map((ledger) => ledger.giveBack()));
    // Their parts are many: a busy caller leaves one a second.
    if (clock() - droppedAtMs >= dropEveryMs) await drop(meterKinds.filter(slides));
  }

  async function drop(kinds: readonly MeterKind[]): Promise<void> {
    const nowMs = clock();
    droppedAtMs = nowMs;
    try {
      await store.dropAmounts(kinds.map(({ name, windowMs }) => ({ kind: name, beforeMs: nowMs - 2 * windowMs })));
    } catch (error) {
      log.warn("Cannot drop old amounts of callers: the next sweep tries again", { reason: String(error) });
    }
  }

  function sessionOf({ subject, session }: Quota, sessionId: string | undefined): Quota | undefined {
    if (session === undefined || sessionId === undefined) return undefined;
    return { subject: sessionSubject(subject, sessionId), limits: session };
  }

  return {
    count: ({ subject, limits }) => ledgerOf(subject).count(limits),
    allowances: ({ subject, limits }) => ledgerOf(subject).allowances(limits),
    async begin(quota, question) {
      const session = sessionOf(quota, question.sessionId);
      const ofSession = session && ledgerOf(session.subject);
      const own = ledgerOf(quota.subject);
      const leave = await own.enter(quota.limits, "key");
      let leaveSession: (() => void) | undefined;
      try {
        leaveSession = await ofSession?.enter(session?.limits ?? {}, "session");
        await ofSession?.count(session?.limits ?? {}, "session");
        const debt = own.debit(quota.limits, () => question.promptTokens());
        let isOpen = true;
        return {
          spent(model, usage) {
            debt.settle(model, usage);
          },
          end() {
            if (!isOpen) return;
            isOpen = false;
            debt.cancel();
            leaveSession?.();
            leave();
          },
        };
      } catch (error) {
        leaveSession?.();
        leave();
        throw error;
      }
    },
    attend: (subject) => ledgerOf(subject).attend(),
    async list(page) {
      for (const ledger of ledgers.values()) ledger.roll();
      await flush();
      return listUsed(store, page, clock(), (subject, kind) => ledgers.get(subject)?.reservedOf(kind) ?? 0);
    },
    async reset(subject) {
      ledgers.get(subject)?.roll();
      await flush();
      const wasCounted = await store.forgetAmounts(subject);
      ledgers.get(subject)?.reset();
      return wasCounted;
    },
    wasReset: (subject) => ledgers.get(subject)?.reset(),
    flush: () => flush(),
    sweep: () => drop(meterKinds),
    async close() {
      clearInterval(renewal);
      await flush(true);
      clearTimeout(timer);
    },
  };
}
