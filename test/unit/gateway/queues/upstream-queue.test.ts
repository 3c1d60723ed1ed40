import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import type { ToldLimits, UpstreamLimits } from "../../../../src/contract/limits.ts";
import type { Pass } from "../../../../src/gateway/queues/queue-pass.ts";
import { type QueueRefusal, type QueueRequest, UpstreamQueue } from "../../../../src/gateway/queues/upstream-queue.ts";

const minuteMs = 60_000;

/** A queue at a clock that stands still, and a log of who was let in. */
function open(limits: Partial<UpstreamLimits>) {
  let nowMs = 1_000_000;
  const served: string[] = [];
  const refused: QueueRefusal[] = [];
  const queue = new UpstreamQueue({
    name: "one",
    limits: { requests: [], tokens: [], queueSize: 100, queueWaitMs: 30_000, ...limits },
    clock: () => nowMs,
    onWaiting() {},
    onRefused: (reason) => void refused.push(reason),
  });
  return {
    queue,
    served,
    refused,
    async pass(ms: number): Promise<void> {
      nowMs += ms;
      queue.sweep();
      await settled();
    },
    /** Named after its caller: "ann 1". */
    ask(name: string, request: Partial<QueueRequest> = {}): Promise<Pass> {
      const caller = name.split(" ")[0] ?? "";
      const whole = { caller, model: "m", tokens: 0, signal: new AbortController().signal, maxWaitMs: minuteMs };
      const pass = (async () => queue.enter({ ...whole, ...request }))();
      return pass.then((one) => {
        served.push(name);
        return one;
      });
    },
  };
}

/** All that has been settled has been told. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

async function refusalOf(pass: Promise<Pass>): Promise<GatewayError> {
  const error: unknown = await pass.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GatewayError)) throw new Error(`no refusal: ${error}`);
  return error;
}

describe("UpstreamQueue: replies at a time", () => {
  test("UpstreamQueue lets everybody in at once where nothing is limited", async () => {
    const { queue, ask } = open({});

    const passes = await Promise.all(Array.from({ length: 500 }, (_, index) => ask(`ann ${index}`)));

    expect(passes.every(({ waitedMs }) => waitedMs === 0)).toBe(true);
    expect([queue.running, queue.waiting]).toEqual([500, 0]);
  });

  test("UpstreamQueue lets the next one in as soon as one has left, and says how long it waited", async () => {
    const { queue, ask, pass, served } = open({ maxConcurrent: 1 });
    const first = await ask("ann 1");
    const second = ask("ann 2");
    await pass(400);
    expect([served, queue.waiting]).toEqual([["ann 1"], 1]);
    first.leave(undefined);

    expect((await second).waitedMs).toBe(400);
    expect([queue.running, queue.waiting]).toEqual([1, 0]);
  });

  test("UpstreamQueue counts whoever leaves once, however often he says so", async () => {
    const { queue, ask } = open({ maxConcurrent: 1 });
    const first = await ask("ann 1");
    first.leave(undefined);
    first.leave(undefined);
    await ask("ann 2");

    expect(queue.running).toBe(1);
    expect(queue.isFree("m", 0)).toBe(false);
  });

  test("UpstreamQueue serves callers in turn and the requests of each in order", async () => {
    const { ask, served } = open({ maxConcurrent: 1 });
    const running: Pass[] = [];
    for (const name of ["zoe 0", "ann 1", "ann 2", "ann 3", "bob 1", "cem 1", "bob 2"]) {
      void ask(name).then((pass) => running.push(pass));
    }
    await settled();
    for (let pass = running.shift(); pass !== undefined; pass = running.shift()) {
      pass.leave(undefined);
      await settled();
    }

    expect(served).toEqual(["zoe 0", "ann 1", "bob 1", "cem 1", "ann 2", "bob 2", "ann 3"]);
  });

  test("UpstreamQueue gives the place of a caller who leaves to the next one, at once", async () => {
    const { queue, ask, served } = open({ maxConcurrent: 1 });
    const first = await ask("ann 1");
    const leaving = new AbortController();
    const gone = ask("bob 1", { signal: leaving.signal });
    const third = ask("cem 1");
    const why = new Error("hung up");
    leaving.abort(why);

    expect(await gone.catch((reason: unknown) => reason)).toBe(why);
    expect(queue.waiting).toBe(1);
    first.leave(undefined);
    await third;
    expect(served).toEqual(["ann 1", "cem 1"]);
  });

  test("UpstreamQueue takes nobody whose client has left before", async () => {
    const { queue, ask } = open({});
    const why = new Error("hung up");

    expect(await ask("ann 1", { signal: AbortSignal.abort(why) }).catch((reason: unknown) => reason)).toBe(why);
    expect(queue.running).toBe(0);
  });
});

describe("UpstreamQueue: bounds", () => {
  test("UpstreamQueue refuses one more when it is full, with a time", async () => {
    const { queue, ask, refused } = open({ maxConcurrent: 1, queueSize: 1 });
    await ask("ann 1");
    void ask("bob 1").catch(() => {});
    await settled();

    const error = await refusalOf(ask("cem 1"));

    expect(error).toMatchObject({ kind: "rate-limited", upstream: "one", retryable: false, retryAfterMs: 1000 });
    expect(error.message).toBe(
      'Cannot send the request to "one": it is at its limit, and 1 requests wait for it already. Send it again in 1 s',
    );
    expect([queue.waiting, refused]).toEqual([1, ["full"]]);
  });

  test("UpstreamQueue refuses who has waited for too long, and nobody before", async () => {
    const { queue, ask, pass, refused } = open({ maxConcurrent: 1, queueWaitMs: 1000 });
    await ask("ann 1");
    const waiting = ask("bob 1");
    void waiting.catch(() => {});
    await pass(999);
    expect(queue.waiting).toBe(1);
    await pass(1);

    const error = await refusalOf(waiting);

    expect(error.kind).toBe("rate-limited");
    expect(error.message).toContain("for all of the 1 s that the request waited");
    expect([queue.waiting, refused]).toEqual([0, ["expired"]]);
  });

  test("UpstreamQueue lets no request wait for longer than its own budget", async () => {
    const { ask, pass } = open({ maxConcurrent: 1 });
    await ask("ann 1");
    const waiting = ask("bob 1", { maxWaitMs: 200 });
    void waiting.catch(() => {});
    await pass(200);

    expect((await refusalOf(waiting)).kind).toBe("rate-limited");
    expect((await refusalOf(ask("cem 1", { maxWaitMs: 0 }))).kind).toBe("rate-limited");
  });

  test("UpstreamQueue refuses at once whom a rate would keep for too long, and says for how long", async () => {
    const { ask, refused } = open({ requests: [{ limit: 1, windowMs: minuteMs }], queueWaitMs: 5000 });
    await ask("ann 1");

    const error = await refusalOf(ask("ann 2"));

    expect(error.retryAfterMs).toBeGreaterThanOrEqual(minuteMs);
    expect(error.retryAfterMs).toBeLessThanOrEqual(minuteMs + 1000);
    expect(refused).toEqual(["too-long"]);
  });

  test("UpstreamQueue refuses at once when those who wait already will take too long, as replies go here", async () => {
    const { ask, pass, refused } = open({ maxConcurrent: 1, queueWaitMs: 30_000 });
    for (let count = 0; count < 5; count++) {
      const reply = await ask("ann");
      await pass(20_000);
      reply.leave(undefined);
    }
    await ask("ann");
    for (const name of ["bob 1", "bob 2"]) void ask(name).catch(() => {});
    await settled();
    expect(refused).toEqual([]);

    expect((await refusalOf(ask("bob 3"))).retryAfterMs).toBe(40_000);
    // A caller of his own goes before bob's second.
    void ask("cem 1").catch(() => {});
    await settled();
    expect(refused).toEqual(["too-long"]);
  });
});

describe("UpstreamQueue: rates", () => {
  test("UpstreamQueue lets in what a minute takes, then waits for it", async () => {
    const { ask, pass, served } = open({ requests: [{ limit: 2, windowMs: minuteMs }], queueWaitMs: 2 * minuteMs });
    for (const name of ["ann 1", "ann 2", "ann 3"]) void ask(name, { maxWaitMs: 2 * minuteMs });
    await pass(0);
    expect(served).toEqual(["ann 1", "ann 2"]);
    await pass(minuteMs - 1);
    expect(served).toHaveLength(2);
    await pass(1001);

    expect(served).toEqual(["ann 1", "ann 2", "ann 3"]);
  });

  test("UpstreamQueue counts tokens, and what a reply really took", async () => {
    const { queue, ask } = open({ tokens: [{ limit: 1000, windowMs: minuteMs }] });
    expect(queue.countsTokens).toBe(true);
    const first = await ask("ann 1", { tokens: 600 });
    expect(queue.isFree("m", 500)).toBe(false);
    first.leave(100);
    expect(queue.isFree("m", 900)).toBe(true);
    const second = await ask("ann 2", { tokens: 100 });
    second.leave(900);

    expect(queue.isFree("m", 1)).toBe(false);
  });

  test("UpstreamQueue lets nobody overtake one who wants more than is left", async () => {
    const { ask, pass, served } = open({ tokens: [{ limit: 1000, windowMs: minuteMs }], queueWaitMs: 2 * minuteMs });
    await ask("ann 1", { tokens: 800 });
    void ask("bob 1", { tokens: 500, maxWaitMs: 2 * minuteMs });
    void ask("cem 1", { tokens: 10, maxWaitMs: 2 * minuteMs });
    await pass(1000);
    expect(served).toEqual(["ann 1"]);
    await pass(minuteMs + 1000);

    expect(served).toEqual(["ann 1", "bob 1", "cem 1"]);
  });

  test("UpstreamQueue begins slowly where a ramp is set", async () => {
    const { ask, pass, served } = open({ rampPerSecond: 2 });
    for (let index = 0; index < 20; index++) void ask(`ann ${index}`);
    const counts: number[] = [];
    for (let second = 0; second < 4; second++) {
      await pass(second === 0 ? 0 : 1000);
      counts.push(served.length);
    }

    expect(counts).toEqual([2, 6, 14, 20]);
  });
});

describe("UpstreamQueue: what the server tells", () => {
  const told = (pass: Pass, limits: ToldLimits): void => pass.told(limits);

  test("UpstreamQueue sends no more than an answer's headers say is left, those under way included", async () => {
    const { ask, pass, served } = open({});
    const first = await ask("ann 1");
    await ask("ann 2");
    told(first, { requests: { remaining: 2, resetMs: 10_000, limit: 3 } });
    // One of the two is under way.
    for (const name of ["ann 3", "ann 4", "ann 5", "ann 6", "ann 7"]) void ask(name);
    await pass(9999);
    expect(served).toEqual(["ann 1", "ann 2", "ann 3"]);
    await pass(1);

    expect(served).toEqual(["ann 1", "ann 2", "ann 3", "ann 4", "ann 5", "ann 6"]);
  });

  test("UpstreamQueue keeps what it was told of a model from the others", async () => {
    const { ask, pass, served } = open({});
    told(await ask("ann 1"), { requests: { remaining: 0, resetMs: 10_000 } });
    void ask("ann 2");
    void ask("bob 1", { model: "other" });
    await pass(0);
    expect(served).toEqual(["ann 1", "bob 1"]);
    await pass(10_000);

    expect(served).toEqual(["ann 1", "bob 1", "ann 2"]);
  });

  test("UpstreamQueue serves whom the end of another one's wait lets in, and loses nobody behind it", async () => {
    const { queue, ask, pass, served, refused } = open({ maxConcurrent: 1 });
    const first = await ask("ann 1");
    const held = ask("ann 2", { maxWaitMs: 1000 });
    void ask("ann 3", { model: "other", maxWaitMs: 1000 });
    const last = ask("ann 4", { maxWaitMs: 5000 });
    void Promise.allSettled([held, last]);
    told(first, { pauseMs: 10_000 });
    first.leave(undefined);
    await pass(1000);
    expect([served, refused, queue.waiting]).toEqual([["ann 1", "ann 3"], ["expired"], 1]);
    await pass(4000);

    expect((await refusalOf(last)).kind).toBe("rate-limited");
    expect(queue.waiting).toBe(0);
  });

  test("UpstreamQueue counts tokens as soon as a server tells of them", async () => {
    const { queue, ask } = open({});
    expect(queue.countsTokens).toBe(false);
    told(await ask("ann 1"), { tokens: { remaining: 100, resetMs: 5000, limit: 1000 } });

    expect(queue.countsTokens).toBe(true);
    expect([queue.isFree("m", 100), queue.isFree("m", 101)]).toEqual([true, false]);
  });

  test("UpstreamQueue pauses for as long as a refusal says, then begins slowly", async () => {
    const { ask, pass, served } = open({});
    const refused = await ask("ann 0");
    told(refused, { tooSudden: true, pauseMs: 5000 });
    refused.leave(undefined);
    for (let index = 1; index <= 7; index++) void ask(`ann ${index}`);
    const counts: number[] = [];
    for (const ms of [4999, 1, 1000, 1000]) {
      await pass(ms);
      counts.push(served.length - 1);
    }

    expect(counts).toEqual([0, 1, 3, 7]);
  });

  test("UpstreamQueue leaves a pause that nobody may wait for to the upstream's own word", async () => {
    const { queue, ask } = open({ queueWaitMs: 30_000 });
    told(await ask("ann 1"), { pauseMs: 3_600_000 });

    expect(queue.isFree("m", 0)).toBe(true);
  });

  test("UpstreamQueue takes one fewer at a time for a minute when the server runs as many as it may", async () => {
    const { queue, ask, pass } = open({});
    await ask("ann 1");
    await ask("ann 2");
    const third = await ask("ann 3");
    told(third, { tooMany: true });
    third.leave(undefined);
    expect(queue.isFree("m", 0)).toBe(false);
    await pass(minuteMs);

    expect(queue.isFree("m", 0)).toBe(true);
  });
});

/** One step of a day at a queue. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("ask" as const), caller: fc.nat(3), tokens: fc.nat(400) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("leave" as const), which: fc.nat(20), tokens: fc.nat(500) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("hang up" as const), which: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(9000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("tell" as const),
      which: fc.nat(20),
      remaining: fc.nat(3),
      resetMs: fc.nat(9000),
    }),
  },
);

interface Asked {
  readonly caller: string;
  readonly number: number;
  readonly controller: AbortController;
  state: "waiting" | "running" | "over" | "refused" | "gone";
  settledTimes: number;
  pass: Pass | undefined;
}

describe("UpstreamQueue: whatever happens", () => {
  test("never more than the limits run, nobody is lost or served twice, and each caller is served in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 3 }), async (steps, limit) => {
        const world = open({
          maxConcurrent: limit,
          requests: [{ limit: 6, windowMs: 20_000 }],
          tokens: [{ limit: 1000, windowMs: 20_000 }],
          queueSize: 5,
          queueWaitMs: 15_000,
        });
        const asked: Asked[] = [];
        const order: Asked[] = [];
        const ask = (caller: string, tokens: number): void => {
          const one: Asked = {
            caller,
            number: asked.length,
            controller: new AbortController(),
            state: "waiting",
            settledTimes: 0,
            pass: undefined,
          };
          asked.push(one);
          world.ask(`${caller} ${one.number}`, { tokens, signal: one.controller.signal }).then(
            (pass) => {
              one.settledTimes++;
              one.state = "running";
              one.pass = pass;
              order.push(one);
            },
            (reason: unknown) => {
              one.settledTimes++;
              one.state = reason instanceof GatewayError ? "refused" : "gone";
            },
          );
        };
        const in_ = (state: Asked["state"]): Asked[] => asked.filter((one) => one.state === state);
        const pick = (ones: readonly Asked[], which: number): Asked | undefined =>
          ones[which % Math.max(ones.length, 1)];
        for (const one of steps) {
          if (one.do === "ask") ask(`c${one.caller}`, one.tokens);
          else if (one.do === "pass") await world.pass(one.ms);
          else if (one.do === "hang up") pick(in_("waiting"), one.which)?.controller.abort(new Error("gone"));
          else if (one.do === "tell") {
            pick(in_("running"), one.which)?.pass?.told({
              requests: { remaining: one.remaining, resetMs: one.resetMs },
            });
          } else {
            const running = pick(in_("running"), one.which);
            if (running !== undefined) running.state = "over";
            running?.pass?.leave(one.tokens);
          }
          await settled();
          expect(in_("running").length).toBeLessThanOrEqual(limit);
          expect(world.queue.running).toBe(in_("running").length);
          expect(world.queue.waiting).toBe(in_("waiting").length);
          expect(world.queue.waiting).toBeLessThanOrEqual(5);
        }
        for (const caller of ["c0", "c1", "c2", "c3"]) {
          const numbers = order.filter((one) => one.caller === caller).map((one) => one.number);
          expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
        }
        // In the end everybody has been served or refused, once.
        for (let count = 0; count < 40; count++) {
          for (const one of in_("running")) {
            one.state = "over";
            one.pass?.leave(0);
          }
          await world.pass(1000);
        }
        expect(asked.every((one) => one.settledTimes === 1)).toBe(true);
        expect([world.queue.running, world.queue.waiting]).toEqual([0, 0]);
      }),
      { numRuns: 150 },
    );
  });
});
