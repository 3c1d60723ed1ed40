// What is counted, as it is looked at and forgotten: over several processes, and without credit for whoever is in debt.

import { expect, test } from "bun:test";
import type { Quota } from "../../../../src/contract/access.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { createPriceOf } from "../../../../src/gateway/quotas/prices.ts";
import { createQuotas, type Quotas } from "../../../../src/gateway/quotas/quotas.ts";
import { partsOfSubject, sessionRange, sessionSubject } from "../../../../src/gateway/quotas/subjects.ts";
import { createMemoryStore } from "../../../../src/store/memory-store.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { createTestClock } from "../../../support/test-store.ts";

/** The beginning of a minute, and of a day in UTC. */
const midnightMs = 1_790_035_200_000;
const ann = "key:ann";

function createWorld() {
  const clock = createTestClock(midnightMs);
  const store = createMemoryStore({ clock: clock.now, sessionTimeoutMs: 1000 });
  const own = { m: { input: 1_000_000, output: 0 } };
  const create = (): Quotas =>
    createQuotas({ store, clock: clock.now, log: silentLog, priceOf: createPriceOf({ own }), flushMs: 3_600_000 });
  return { ...clock, create };
}

async function usedBy(quotas: Quotas, subject = ann): Promise<Readonly<Record<string, number>>> {
  const [found] = await quotas.list({ subjects: [subject], limit: 1 });
  return Object.fromEntries(found!.used.map(({ kind, amount }) => [kind.limit, amount]));
}

async function isRefused(work: () => unknown): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    return error instanceof GatewayError && error.kind === "rate-limited";
  }
}

const question = (tokens = 0, sessionId?: string) => ({ sessionId, promptTokens: () => tokens });
const nothing = { requestsPerMinute: 0, tokensPerMinute: 0, tokensPerDay: 0, spendPerDay: 0 };

test("what was used is told exactly, also of a process that takes its requests in blocks", async () => {
  const { create } = createWorld();
  const [one, other] = [create(), create()];
  const quota: Quota = { subject: ann, limits: { requestsPerMinute: 1000, tokensPerDay: 500, spendPerDay: 9 } };
  for (let count = 0; count < 3; count++) await one.count(quota);
  const spending = await one.begin(quota, question(50));
  expect(await usedBy(one)).toEqual({ ...nothing, requestsPerMinute: 3, tokensPerDay: 50 });
  spending.spent("m", { inputTokens: 20, outputTokens: 10 });
  spending.end();

  expect(await usedBy(one)).toEqual({ ...nothing, requestsPerMinute: 3, tokensPerDay: 30, spendPerDay: 20_000_000 });
  // Another process does not know how much of the block is left.
  expect((await usedBy(other))["requestsPerMinute"]).toBe(50);
});

test("what was taken in advance in a second that is over is given back before anything is told", async () => {
  const { create, advance } = createWorld();
  const [one, other] = [create(), create()];
  const quota: Quota = { subject: ann, limits: { requestsPerMinute: 1000 } };
  for (let count = 0; count < 11; count++) await one.count(quota);
  advance(1000);
  expect((await usedBy(one))["requestsPerMinute"]).toBe(11);
  await other.count(quota);

  // All of the other's block, and eleven of the second before.
  expect((await usedBy(one))["requestsPerMinute"]).toBe(61);
});

test("a minute counts what is less than a minute old, a day what came since midnight", async () => {
  const { create, advance } = createWorld();
  const quotas = create();
  advance(86_400_000 - 60_000);
  const quota: Quota = { subject: ann, limits: { tokensPerMinute: 1000, tokensPerDay: 1000 } };
  const spending = await quotas.begin(quota, question());
  spending.spent("m", { inputTokens: 100, outputTokens: 0 });
  spending.end();
  advance(20_000);
  const later = await quotas.begin(quota, question());
  later.spent("m", { inputTokens: 7, outputTokens: 0 });
  later.end();
  advance(40_000 - 1);
  expect(await usedBy(quotas)).toMatchObject({ tokensPerMinute: 107, tokensPerDay: 107 });
  advance(1);

  const [found] = await quotas.list({ limit: 5 });
  expect(found?.subject).toBe(ann);
  expect(await usedBy(quotas)).toEqual({ ...nothing, tokensPerMinute: 7 });
  expect(found?.used.find(({ kind }) => kind.limit === "tokensPerMinute")?.resetsAtMs).toBe(midnightMs + 86_420_000);
});

test("reset lets whoever was refused begin anew, and nobody else", async () => {
  const { create } = createWorld();
  const quotas = create();
  const limits = { requestsPerMinute: 2, tokensPerDay: 10 };
  const quota: Quota = { subject: ann, limits };
  for (const subject of [ann, "key:bob"])
    for (let count = 0; count < 2; count++) await quotas.count({ subject, limits });
  const spending = await quotas.begin(quota, question());
  spending.spent("m", { inputTokens: 10, outputTokens: 0 });
  spending.end();
  expect(await isRefused(() => quotas.count(quota))).toBe(true);

  expect(await quotas.reset(ann)).toBe(true);

  expect(await usedBy(quotas)).toEqual(nothing);
  await quotas.count(quota);
  await quotas.count(quota);
  expect(await isRefused(() => quotas.count(quota))).toBe(true);
  expect(await isRefused(() => quotas.count({ subject: "key:bob", limits }))).toBe(true);
  expect(await quotas.reset("key:nobody")).toBe(false);
});

test("a reply that began before a reset gives no credit after it, and counts by what it took", async () => {
  const { create } = createWorld();
  const quotas = create();
  const quota: Quota = { subject: ann, limits: { tokensPerMinute: 100, streams: 1 } };
  const [first] = [await quotas.begin(quota, question(90))];

  await quotas.reset(ann);

  // It still runs.
  expect(await isRefused(() => quotas.begin(quota, question()))).toBe(true);
  first.spent("m", { inputTokens: 40, outputTokens: 1 });
  first.end();
  expect((await usedBy(quotas))["tokensPerMinute"]).toBe(41);
  const aborted = await quotas.begin(quota, question(50));
  await quotas.reset(ann);
  aborted.end();
  expect((await usedBy(quotas))["tokensPerMinute"]).toBe(0);
});

test("sessions stand behind their caller, under names that tell nothing", async () => {
  const { create } = createWorld();
  const quotas = create();
  const quota: Quota = { subject: ann, limits: { requestsPerMinute: 9 }, session: { requestsPerMinute: 5 } };
  for (const sessionId of ["s", "s", "t"]) {
    await quotas.count(quota);
    (await quotas.begin(quota, question(0, sessionId))).end();
  }
  await quotas.count({ subject: `${ann}e`, limits: quota.limits });

  const [s, t] = [sessionSubject(ann, "s"), sessionSubject(ann, "t")];
  expect(partsOfSubject(s)).toEqual({ caller: ann, session: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(partsOfSubject("address:2001:db8::/64")).toEqual({ caller: "address:2001:db8::/64", session: undefined });
  const listed = await quotas.list({ limit: 9 });
  expect(listed.map(({ subject }) => subject)).toEqual([ann, ...[s, t].toSorted(), `${ann}e`]);
  const ofAnn = await quotas.list({ ...sessionRange(ann), limit: 9 });
  expect(ofAnn.map(({ subject }) => subject)).toEqual([s, t].toSorted());
  expect([await usedBy(quotas, s), await usedBy(quotas, t)]).toMatchObject([
    { requestsPerMinute: 2 },
    { requestsPerMinute: 1 },
  ]);
});
