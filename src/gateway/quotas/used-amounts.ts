// What subjects have used of what, over all processes, for whoever looks after the gateway.

import type { AmountStore } from "../../store/amount-store.ts";
import { Meter, type MeterKind, meterKinds } from "./meter.ts";

export interface UsedAmount {
  readonly kind: MeterKind;
  /** Of the window that slides or the day, in what the kind counts. */
  readonly amount: number;
  /** When its window is over, in epoch milliseconds. */
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
  const kinds = meterKinds.map((kind) => ({ kind: kind.name, sinceMs: windowBefore(kind, nowMs) }));
  const listed = subjects ?? (await store.listSubjects({ ...page, kinds }));
  const meters = listed.map((subject) => meterKinds.map((kind) => createMeter(subject, kind, nowMs)));
  const all = meters.flat();
  const [amounts, replies] = await Promise.all([
    store.readAmounts(all.flatMap((meter) => [meter.key(), meter.key(meter.startMs - meter.kind.windowMs)])),
    store.countReplies(listed),
  ]);
  for (const [index, meter] of all.entries()) {
    meter.shared = amounts[2 * index] ?? 0;
    meter.previous = amounts[2 * index + 1] ?? 0;
    meter.reserved = reservedOf(meter.subject, meter.kind);
  }
  return listed.map((subject, index) => ({
    subject,
    used: meters[index]!.map((meter) => ({
      kind: meter.kind,
      amount: meter.used(nowMs),
      resetsAtMs: nowMs + meter.untilNextMs(nowMs),
    })),
    replies: replies[index] ?? 0,
  }));
}

/** The past window counts still where windows slide. */
function windowBefore({ windowMs, slides }: MeterKind, nowMs: number): number {
  const startMs = Math.floor(nowMs / windowMs) * windowMs;
  return slides ? startMs - windowMs : startMs;
}

function createMeter(subject: string, kind: MeterKind, nowMs: number): Meter {
  const meter = new Meter(subject, kind, () => {});
  meter.roll(nowMs);
  return meter;
}
