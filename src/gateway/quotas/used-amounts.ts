// What subjects have used of what, over all processes, for whoever looks after the gateway.

import type { AmountStore } from "../../store/amount-store.ts";
import { countedSinceMs, Meter, type MeterKind, meterKinds } from "./meter.ts";

export interface UsedAmount {
  readonly kind: MeterKind;
  /** Of the last minute or the day, in what the kind counts. */
  readonly amount: number;
  /** When none of it counts any more, in epoch milliseconds. */
  readonly resetsAtMs: number;
}

export interface UsedBySubject {
  readonly subject: string;
  /** One of each kind. */
  readonly used: readonly UsedAmount[];
  /** Replies that run, as far as they are limited. */
  readonly replies: number;
}

export interface SubjectsPage {
  /** These alone, whether anything is counted of them or not. */
  readonly subjects?: readonly string[] | undefined;
  readonly after?: string | undefined;
  readonly before?: string | undefined;
  /** At least 1. */
  readonly limit: number;
}

/** @param reservedOf what this process has taken in advance: the store has it for used */
export async function listUsed(
  store: AmountStore,
  { subjects, ...page }: SubjectsPage,
  nowMs: number,
  reservedOf: (subject: string, kind: MeterKind) => number,
): Promise<readonly UsedBySubject[]> {
  const kinds = meterKinds.map((kind) => ({ kind: kind.name, sinceMs: countedSinceMs(kind, nowMs) }));
  const listed = subjects ?? (await store.listSubjects({ ...page, kinds }));
  const meters = listed.map((subject) => meterKinds.map((kind) => createMeter(subject, kind, nowMs)));
  const all = meters.flat();
  const [amounts, replies] = await Promise.all([
    store.readAmounts(all.map((meter) => meter.span(nowMs))),
    store.countReplies(listed),
  ]);
  for (const [index, meter] of all.entries()) {
    meter.know(amounts[index] ?? []);
    meter.reserved = reservedOf(meter.subject, meter.kind);
  }
  return listed.map((subject, index) => ({
    subject,
    used: meters[index]!.map((meter) => ({
      kind: meter.kind,
      amount: meter.used(nowMs),
      resetsAtMs: nowMs + meter.resetMs(nowMs),
    })),
    replies: replies[index] ?? 0,
  }));
}

function createMeter(subject: string, kind: MeterKind, nowMs: number): Meter {
  const meter = new Meter(subject, kind);
  meter.roll(nowMs);
  return meter;
}
