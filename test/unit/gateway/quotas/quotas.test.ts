// Limits of callers on a clock that only the tests move, over one store that several processes may share.

import { describe, expect, test } from "bun:test";
import type { CallerLimits, Quota } from "../../../../src/contract/access.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { createPriceOf } from "../../../../src/gateway/quotas/prices.ts";
import { createQuotas, type Quotas } from "../../../../src/gateway/quotas/quotas.ts";
import { createMemoryStore } from "../../../../src/store/memory-store.ts";
import type { Store } from "../../../../src/store/store.ts";
import { type Log, silentLog } from "../../../../src/telemetry/log.ts";
import { createTestClock } from "../../../support/test-store.ts";

/** The beginning of a minute, and of a day in UTC. */
const midnightMs = 1_790_035_200_000;

function createWorld(changes: Partial<Store> = {}, log: Log = silentLog) {
  const clock = createTestClock(midnightMs);
  const kept = createMemoryStore({ clock: clock.now, sessionTimeoutMs: 1000 });
  let asked = 0;
  const counted = new Proxy(kept, {
    get(store, name, receiver) {
      const own: unknown = Reflect.get(changes, name) ?? Reflect.get(store, name, receiver);
      if (typeof own !== "function") return own;
      return (...args: unknown[]) => {
        asked++;
        return own.apply(store, args);
      };
    },
  });
  const create = (): Quotas =>
    createQuotas({ store: counted, clock: clock.now, log, priceOf: createPriceOf(), flushMs: 3_600_000 });
  return { ...clock, create, asked: () => asked };
}

const quotaOf = (limits: CallerLimits, subject = "key:ann"): Quota => ({ subject, limits });
const question = (tokens = 0, sessionId?: string) => ({ sessionId, promptTokens: () => tokens });

/** Undefined: it passed. */
async function refusal(work: () => unknown): Promise<GatewayError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}

async function passed(quotas: Quotas, quota: Quota, times: number): Promise<number> {
  const outcomes = await Promise.all(Array.from({ length: times }, () => refusal(() => quotas.count(quota))));
  return outcomes.filter((outcome) => outcome === undefined).length;
}

/** A reply that runs from its beginning to its end. */
async function reply(
  quotas: Quotas,
  quota: Quota,
  inputTokens: number,
  outputTokens: number,
  model = "m",
): Promise<void> {
  const spending = await quotas.begin(quota, question());
  spending.spent(model, { inputTokens, outputTokens });
  spending.end();
}

describe("requests within a minute", () => {
  test("the one beyond the limit is refused until the others are a minute old [R2-080]", async () => {
    const { create, advance } = createWorld();
    const quotas = create();
    const quota = quotaOf({ requestsPerMinute: 3 });

    expect(await passed(quotas, quota, 5)).toBe(3);
    const refused = await refusal(() => quotas.count(quota));
    expect(refused).toMatchObject({ kind: "rate-limited", retryAfterMs: 60_000 });
    expect(refused?.message).toContain("3 a minute");
    advance(59_999);
    expect(await passed(quotas, quota, 1)).toBe(0);
    advance(1);
    expect(await passed(quotas, quota, 5)).toBe(3);
  });

  test("after the time of Retry-After one more passes, wherever in the window it was refused [R2-080]", async () => {
    for (const [limit, atMs] of [
      [1, 0],
      [1, 59_000],
      [2, 30_000],
      [7, 12_345],
      [50, 59_999],
    ] as const) {
      const { create, advance } = createWorld();
      const quotas = create();
      const quota = quotaOf({ requestsPerMinute: limit });
      advance(atMs);
      expect(await passed(quotas, quota, limit + 1)).toBe(limit);
      for (let round = 0; round < 5; round++) {
        const { retryAfterMs = 0 } = (await refusal(() => quotas.count(quota))) ?? {};
        expect(retryAfterMs).toBeGreaterThan(0);
        expect(retryAfterMs).toBeLessThanOrEqual(60_000);
        advance(retryAfterMs);
        expect([limit, atMs, round, await passed(quotas, quota, 1)]).toEqual([limit, atMs, round, 1]);
        while ((await passed(quotas, quota, 1)) === 1);
      }
    }
  });

  test("a clock that is set back holds nobody up until it is there again, in this process and in others", async () => {
    const { create, advance } = createWorld();
    const [quotas, other] = [create(), create()];
    const quota = quotaOf({ requestsPerMinute: 3 });
    expect(await passed(quotas, quota, 5)).toBe(3);
    expect(await passed(other, quota, 1)).toBe(0);
    advance(-3_600_000);

    expect(quotas.allowances(quota)).toMatchObject({ requests: { remaining: 3, resetMs: 0 } });
    expect(await passed(quotas, quota, 2)).toBe(2);
    expect(await passed(other, quota, 2)).toBe(1);
    expect(await passed(create(), quota, 1)).toBe(0);
    advance(60_000);
    expect((await passed(quotas, quota, 5)) + (await passed(other, quota, 5))).toBe(3);
  });

  test("a clock that is set back by days counts tokens anew, once", async () => {
    const { create, advance } = createWorld();
    const quotas = create();
    for (const limits of [{ tokensPerMinute: 10 }, { tokensPerDay: 10 }]) {
      const quota = quotaOf(limits, `key:${Object.keys(limits)[0]}`);
      await reply(quotas, quota, 5, 5);
      expect(await refusal(() => quotas.begin(quota, question()))).toMatchObject({ kind: "rate-limited" });
      advance(-3 * 86_400_000);
      await reply(quotas, quota, 5, 5);
      expect(await refusal(() => quotas.begin(quota, question()))).toMatchObject({ kind: "rate-limited" });
    }
  });

  test("a clock that is set back by less than a minute lets nobody send twice as much", async () => {
    const { create, advance } = createWorld();
    const quotas = create();
    const quota = quotaOf({ requestsPerMinute: 3 });
    expect(await passed(quotas, quota, 5)).toBe(3);
    advance(-59_000);

    expect(await passed(quotas, quota, 1)).toBe(0);
    expect(await passed(create(), quota, 1)).toBe(0);
    advance(119_000);
    expect(await passed(quotas, quota, 5)).toBe(3);
  });

  test("no edge of windows lets twice as many through", async () => {
    const { create, advance } = createWorld();
    const quotas = create();
    const quota = quotaOf({ requestsPerMinute: 10 });
    advance(59_000);
    expect(await passed(quotas, quota, 20)).toBe(10);
    advance(2000);
    expect(await passed(quotas, quota, 20)).toBe(0);
    advance(57_999);
    expect(await passed(quotas, quota, 20)).toBe(0);
    advance(1);
    expect(await passed(quotas, quota, 20)).toBe(10);
  });

  test("what was taken in advance counts from when it is used, and for other processes too", async () => {
    const { create, advance } = createWorld();
    const quota = quotaOf({ requestsPerMinute: 40 });
    const [one, other] = [create(), create()];
    // Two are taken at once.
    expect(await passed(one, quota, 1)).toBe(1);
    advance(700);
    expect(await passed(one, quota, 1)).toBe(1);
    await one.flush();
    advance(2000);
    expect(await passed(other, quota, 50)).toBe(38);
    advance(57_999);
    expect([await passed(one, quota, 1), await passed(other, quota, 1)]).toEqual([0, 0]);
    advance(1);
    expect([await passed(other, quota, 3), await passed(one, quota, 3)]).toEqual([2, 0]);
  });

  test("what was taken in advance and not used is given back when its second is over, without another request", async () => {
    const { create, advance } = createWorld();
    const quota = quotaOf({ requestsPerMinute: 100 });
    const [one, other] = [create(), create()];
    expect(await passed(one, quota, 1)).toBe(1);
    await one.flush();
    expect(await passed(other, quota, 200)).toBe(95);
    advance(1000);
    await one.flush();
    expect(await passed(other, quota, 200)).toBe(4);
  });

  test("a store that answers when the second is over does not let anybody ask for ever, nor more than the limit", async () => {
    const { create, advance } = createWorld({
      async reserveAmount(reservation) {
        const reserved = await slow.reserveAmount(reservation);
        advance(1500);
        return reserved;
      },
    });
    const slow = createMemoryStore({ clock: () => midnightMs, sessionTimeoutMs: 1000 });
    const quotas = create();
    const quota = quotaOf({ requestsPerMinute: 3 });
    expect(await passed(quotas, quota, 1)).toBe(1);
    expect(await passed(quotas, quota, 1)).toBe(1);
    expect(quotas.allowances(quota).requests).toMatchObject({ remaining: 1, resetMs: 60_000 });
  });

  test("parts that count no more are dropped while something is told", async () => {
    const dropped: unknown[] = [];
    const { create, advance } = createWorld({ dropAmounts: async (kinds) => void dropped.push(kinds) });
    const quotas = create();
    const quota = quotaOf({ requestsPerMinute: 100, tokensPerMinute: 100 });
    await reply(quotas, quota, 1, 1);
    await quotas.flush();
    expect(dropped).toEqual([]);
    advance(60_000);
    await reply(quotas, quota, 1, 1);
    await quotas.flush();
    await quotas.flush();
    expect(dropped).toEqual([
      [
        { kind: "requests/minute", beforeMs: midnightMs - 60_000 },
        { kind: "tokens/minute", beforeMs: midnightMs - 60_000 },
      ],
    ]);
  });

  test("callers are counted apart", async () => {
    const quotas = createWorld().create();
    expect(await passed(quotas, quotaOf({ requestsPerMinute: 1 }, "key:ann"), 2)).toBe(1);
    expect(await passed(quotas, quotaOf({ requestsPerMinute: 1 }, "key:bob"), 2)).toBe(1);
  });

  test("several processes together let no more through than one, and a restart forgets nothing", async () => {
    const { create } = createWorld();
    const quota = quotaOf({ requestsPerMinute: 40 });
    const [first, second] = [create(), create()];
    const [one, other] = await Promise.all([passed(first, quota, 30), passed(second, quota, 30)]);
    expect(one + other).toBe(40);
    await first.close();
    expect(await passed(create(), quota, 5)).toBe(0);
  });

  test("what one process took in advance is free again when it ends", async () => {
    const { create } = createWorld();
    const quota = quotaOf({ requestsPerMinute: 100 });
    const first = create();
    expect(await passed(first, quota, 1)).toBe(1);
    expect(await passed(create(), quota, 200)).toBe(95);
    await first.close();
    expect(await passed(create(), quota, 200)).toBe(4);
  });

  test("the store is asked once for a block of requests, and hardly by who is refused", async () => {
    const { create, asked } = createWorld();
    const quotas = create();
    const quota = quotaOf({ requestsPerMinute: 2000 });
    for (let index = 0; index < 1000; index++) await quotas.count(quota);
    expect(asked()).toBe(10);
    const spent = quotaOf({ requestsPerMinute: 1 }, "key:bob");
    for (let index = 0; index < 1000; index++) await refusal(() => quotas.count(spent));
    expect(asked()).toBe(12);
  });

  test("a store that fails does not stop anybody, and the limit still holds here", async () => {
    const failing = () => Promise.reject(new Error("disk full"));
    const { create } = createWorld({ reserveAmount: failing, addAmounts: failing, readAmounts: failing });
    const quotas = create();
    expect(await passed(quotas, quotaOf({ requestsPerMinute: 3, tokensPerDay: 5 }), 5)).toBe(3);
    await quotas.flush();
    await quotas.close();
  });
});

describe("a store that is away", () => {
  test("is told once an outage, however many requests come meanwhile", async () => {
    let isAway = false;
    const kept = createMemoryStore({ clock: () => midnightMs, sessionTimeoutMs: 1000 });
    const unlessAway =
      <Question, Answer>(ask: (question: Question) => Promise<Answer>) =>
      (question: Question): Promise<Answer> =>
        isAway ? Promise.reject(new Error("it is away")) : ask(question);
    const lines: string[] = [];
    const { create } = createWorld(
      {
        reserveAmount: unlessAway(kept.reserveAmount),
        addAmounts: unlessAway(kept.addAmounts),
        readAmounts: unlessAway(kept.readAmounts),
      },
      { ...silentLog, warn: (message) => void lines.push(message) },
    );
    const quotas = create();
    const ask = async (subject: string): Promise<void> => {
      await quotas.count(quotaOf({ requestsPerMinute: 3, tokensPerDay: 5 }, subject));
      await quotas.flush();
    };
    const tellings: number[] = [];
    for (const phase of ["first", "second"]) {
      isAway = true;
      for (let index = 0; index < 5; index++) await ask(`key:${phase}-${index}`);
      tellings.push(lines.splice(0).length);
      isAway = false;
      await ask(`key:${phase}-after`);
    }

    // One for each kind of question.
    expect(tellings).toEqual([3, 3]);
    expect(lines).toEqual([]);
    await quotas.close();
  });
});

describe("tokens and dollars", () => {
  test("tokens of a minute refuse the next request, with the time until they are fewer", async () => {
    const { create, advance } = createWorld();
    const quotas = create();
    const quota = quotaOf({ tokensPerMinute: 100 });
    await reply(quotas, quota, 60, 20);
    expect(await passed(quotas, quota, 1)).toBe(1);
    await reply(quotas, quota, 10, 30);
    const { retryAfterMs = 0 } = (await refusal(() => quotas.count(quota))) ?? {};
    advance(retryAfterMs - 1);
    expect(await passed(quotas, quota, 1)).toBe(0);
    advance(1);
    expect(await passed(quotas, quota, 1)).toBe(1);
  });

  test("a prompt counts while its reply runs, what it really took afterwards, and nothing when it never began", async () => {
    const quotas = createWorld().create();
    const quota = quotaOf({ tokensPerDay: 100 });
    const first = await quotas.begin(quota, question(90));
    const second = await quotas.begin(quota, question(90));
    expect((await refusal(() => quotas.begin(quota, question(1))))?.kind).toBe("rate-limited");
    first.end();
    second.spent("m", { inputTokens: 4, outputTokens: 1 });
    second.end();
    second.end();
    expect(quotas.allowances(quota).tokens).toMatchObject({ limit: 100, remaining: 95 });
  });

  test("tokens of a day are over at midnight, UTC", async () => {
    const { create, advance } = createWorld();
    const quotas = create();
    const quota = quotaOf({ tokensPerDay: 10 });
    advance(3_600_000);
    await reply(quotas, quota, 10, 0);
    expect(await refusal(() => quotas.count(quota))).toMatchObject({ retryAfterMs: 23 * 3_600_000 });
    advance(23 * 3_600_000);
    expect(await passed(quotas, quota, 1)).toBe(1);
  });

  test("dollars of a day are estimated by the list of prices", async () => {
    const quotas = createWorld().create();
    const quota = quotaOf({ spendPerDay: 0.01 });
    // 1.2 and 6 dollars a million.
    await reply(quotas, quota, 3000, 1000, "qwen3-max-2026-01-23");
    expect(await passed(quotas, quota, 1)).toBe(1);
    await reply(quotas, quota, 400, 0, "qwen3-max");
    const refused = await refusal(() => quotas.count(quota));
    expect(refused?.message).toContain("0.01 dollars a day");
  });

  test("of a reply that was asked for twice each request costs by its own prompt, and its estimate counts no more", async () => {
    const { create } = createWorld();
    const quotas = create();
    const quota = quotaOf({ spendPerDay: 1, tokensPerDay: 1_000_000 });
    const spending = await quotas.begin(quota, question(90_000));
    for (let times = 0; times < 2; times++) spending.spent("qwen3-max", { inputTokens: 100_000, outputTokens: 0 });
    spending.end();
    // 2.4 dollars a million, twice; one prompt of 200,000 would cost 3.
    const [found] = await quotas.list({ subjects: ["key:ann"], limit: 1 });
    const used = new Map(found?.used.map(({ kind, amount }) => [kind.limit, amount]));
    expect([used.get("spendPerDay"), used.get("tokensPerDay")]).toEqual([480_000, 200_000]);
  });

  test("a model without a price counts for nothing, and the log says so once", async () => {
    const lines: string[] = [];
    const clock = createTestClock(midnightMs);
    const quotas = createQuotas({
      store: createMemoryStore({ clock: clock.now, sessionTimeoutMs: 1000 }),
      clock: clock.now,
      log: { ...silentLog, warn: (message) => void lines.push(message) },
      priceOf: createPriceOf(),
    });
    const quota = quotaOf({ spendPerDay: 0.000001 });
    await reply(quotas, quota, 1e9, 1e9, "home-made");
    await reply(quotas, quota, 1e9, 1e9, "home-made");
    expect(await passed(quotas, quota, 1)).toBe(1);
    expect(lines.length).toBe(1);
    await quotas.close();
  });

  test("another process knows of them within a second, and after a restart at once", async () => {
    const { create, advance } = createWorld();
    const quota = quotaOf({ tokensPerMinute: 50, tokensPerDay: 1000 });
    const [first, second] = [create(), create()];
    expect(await passed(second, quota, 1)).toBe(1);
    await reply(first, quota, 50, 0);
    await first.flush();
    advance(1000);
    expect(await passed(second, quota, 1)).toBe(0);
    expect(await passed(create(), quota, 1)).toBe(0);
  });

  test("what is told is told once, also when the first attempt fails", async () => {
    let failures = 1;
    const clock = createTestClock(midnightMs);
    const store = createMemoryStore({ clock: clock.now, sessionTimeoutMs: 1000 });
    const add = store.addAmounts.bind(store);
    store.addAmounts = (amounts) => (failures-- > 0 ? Promise.reject(new Error("busy")) : add(amounts));
    const quotas = createQuotas({ store, clock: clock.now, log: silentLog, priceOf: createPriceOf() });
    const quota = quotaOf({ tokensPerDay: 100 });
    await reply(quotas, quota, 7, 0);
    await quotas.flush();
    await reply(quotas, quota, 5, 0);
    await quotas.flush();
    await quotas.flush();
    const found = await store.readAmounts([{ subject: "key:ann", kind: "tokens/day", sinceMs: midnightMs }]);
    expect(found).toMatchObject([[{ startMs: midnightMs, amount: 12 }]]);
    expect(quotas.allowances(quota).tokens?.remaining).toBe(88);
    await quotas.close();
  });
});

describe("replies at a time, and sessions", () => {
  test("one more than may run is refused, and one that ended makes room [R0-065]", async () => {
    const quotas = createWorld().create();
    const quota = quotaOf({ streams: 2 });
    const first = await quotas.begin(quota, question());
    await quotas.begin(quota, question());
    expect(await refusal(() => quotas.begin(quota, question()))).toMatchObject({
      kind: "rate-limited",
      retryAfterMs: 1000,
    });
    first.end();
    first.end();
    await quotas.begin(quota, question());
    expect((await refusal(() => quotas.begin(quota, question())))?.kind).toBe("rate-limited");
  });

  test("of many that come at once as many get in as may", async () => {
    const quotas = createWorld().create();
    const quota = quotaOf({ streams: 3 });
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () => refusal(() => quotas.begin(quota, question()))),
    );
    expect(outcomes.filter((outcome) => outcome === undefined).length).toBe(3);
  });

  test.each([
    ["under the limit", 20, 20],
    ["beyond it", 30, 20],
  ])(
    "of many that come at once, %s, as many get in as may where the store answers one by one",
    async (_, come, may) => {
      const distant = createMemoryStore({ clock: () => midnightMs, sessionTimeoutMs: 1000 });
      const { create } = createWorld({
        async holdReplies(...hold) {
          const held = await distant.holdReplies(...hold);
          await new Promise((resolve) => setImmediate(resolve));
          return held;
        },
      });
      const quotas = create();
      const quota = quotaOf({ streams: 20 });

      const begun = Array.from({ length: come }, () => refusal(() => quotas.begin(quota, question())));
      const refusals = (await Promise.all(begun)).map((refused) => refused !== undefined);

      // Whoever came first.
      expect(refusals).toEqual(Array.from({ length: come }, (_, index) => index >= may));
    },
  );

  test("what ends while the store is asked for one more is given back afterwards", async () => {
    const shared = createMemoryStore({ clock: () => midnightMs, sessionTimeoutMs: 1000 });
    let answered = Promise.resolve();
    const { create } = createWorld({
      async holdReplies(...hold) {
        const held = await shared.holdReplies(...hold);
        await answered;
        return held;
      },
    });
    const quotas = create();
    const quota = quotaOf({ streams: 6 });
    const running = await Promise.all(Array.from({ length: 5 }, () => quotas.begin(quota, question())));
    const { promise, resolve } = Promise.withResolvers<void>();
    answered = promise;
    const oneMore = quotas.begin(quota, question());
    for (const spending of running.slice(0, 3)) spending.end();
    const flushed = quotas.flush();
    resolve();
    await Promise.all([oneMore, flushed]);

    await quotas.flush();
    expect(await shared.countReplies([quota.subject])).toEqual([3]);
    // And the next one asks for leave again.
    await quotas.begin(quota, question());
    expect(await shared.countReplies([quota.subject])).toEqual([4]);
  });

  test("the store hears of each reply only while they grow in number", async () => {
    const { create, asked } = createWorld();
    const quotas = create();
    const quota = quotaOf({ streams: 5 });
    for (let index = 0; index < 100; index++) (await quotas.begin(quota, question())).end();
    expect(asked()).toBe(1);
    await quotas.flush();
    expect(asked()).toBe(2);
    await quotas.close();
  });

  test("a session has limits of its own, and another one is unaffected [R0-065]", async () => {
    const quotas = createWorld().create();
    const quota: Quota = { ...quotaOf({}), session: { requestsPerMinute: 3, streams: 1 } };
    const first = await quotas.begin(quota, question(0, "one"));
    const refused = await refusal(() => quotas.begin(quota, question(0, "one")));
    expect(refused).toMatchObject({ kind: "rate-limited" });
    expect(refused?.message).toContain("this session");
    (await quotas.begin(quota, question(0, "two"))).end();
    first.end();
    for (let index = 0; index < 2; index++) (await quotas.begin(quota, question(0, "one"))).end();
    expect((await refusal(() => quotas.begin(quota, question(0, "one"))))?.message).toContain("3 a minute");
    (await quotas.begin(quota, question(0, "two"))).end();
    (await quotas.begin({ ...quota, subject: "key:bob" }, question(0, "one"))).end();
  });

  test("allowances tell what is left", async () => {
    const { create, advance } = createWorld();
    const quotas = create();
    const quota = quotaOf({ requestsPerMinute: 10, tokensPerMinute: 100, tokensPerDay: 90 });
    advance(15_000);
    expect(await passed(quotas, quota, 4)).toBe(4);
    await reply(quotas, quota, 20, 0);
    expect(quotas.allowances(quota)).toEqual({
      requests: { limit: 10, remaining: 6, resetMs: 60_000 },
      tokens: { limit: 90, remaining: 70, resetMs: 86_385_000 },
    });
    expect(quotas.allowances(quotaOf({ streams: 1 }))).toEqual({});
    advance(59_000);
    expect(quotas.allowances(quota).requests).toEqual({ limit: 10, remaining: 6, resetMs: 1000 });
    advance(1000);
    expect(quotas.allowances(quota).requests).toEqual({ limit: 10, remaining: 10, resetMs: 0 });
  });
});

describe("limits that change", () => {
  test("hold at the next request, and what was taken in advance goes beyond none", async () => {
    const { create } = createWorld();
    const [quotas, other] = [create(), create()];
    expect(await passed(quotas, quotaOf({ requestsPerMinute: 2000 }), 2)).toBe(2);
    expect(await passed(quotas, quotaOf({ requestsPerMinute: 5 }), 10)).toBe(3);
    expect(await passed(quotas, quotaOf({ requestsPerMinute: 7 }), 10)).toBe(2);
    expect(await passed(other, quotaOf({ requestsPerMinute: 7 }), 10)).toBe(0);
    expect(await passed(quotas, quotaOf({ requestsPerMinute: 7 }), 1)).toBe(0);
    // Of the refusal a moment ago nothing stays.
    expect(await passed(quotas, quotaOf({ requestsPerMinute: 8 }), 10)).toBe(1);
  });

  test("count replies that began under none, or under a higher one", async () => {
    const quotas = createWorld().create();
    const depart = quotas.attend("key:ann");
    const one = quotaOf({ streams: 1 });
    expect(await refusal(() => quotas.begin(one, question()))).toMatchObject({ kind: "rate-limited" });
    const second = await quotas.begin(quotaOf({ streams: 2 }), question());
    depart();
    depart();
    expect(await refusal(() => quotas.begin(one, question()))).toMatchObject({ kind: "rate-limited" });
    second.end();
    (await quotas.begin(one, question())).end();
    expect(await refusal(() => quotas.begin(one, question()))).toBeUndefined();
  });
});
