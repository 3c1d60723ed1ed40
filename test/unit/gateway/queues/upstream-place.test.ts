import { describe, expect, test } from "bun:test";
import type { UpstreamLimits } from "../../../../src/contract/limits.ts";
import type { ChatRequest } from "../../../../src/contract/chat-request.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { Collector } from "../../../../src/gateway/replies/collect.ts";
import { createLiveness } from "../../../../src/gateway/replies/liveness.ts";
import type { Candidate } from "../../../../src/gateway/candidates/model-routes.ts";
import { Opening } from "../../../../src/gateway/replies/opening.ts";
import { SentReply } from "../../../../src/gateway/turns/sent-reply.ts";
import { UpstreamPlace } from "../../../../src/gateway/queues/upstream-place.ts";
import { createUpstreamQueues, type UpstreamQueues } from "../../../../src/gateway/queues/upstream-queues.ts";
import { silentMetrics } from "../../../../src/telemetry/metrics.ts";

const request: ChatRequest = {
  surface: "openai-chat",
  model: "m",
  messages: [{ role: "user", content: [{ type: "text", text: "four words of text" }] }],
  tools: [],
  toolChoice: undefined,
  stream: false,
  includeUsage: false,
  maxTokens: undefined,
  reasoning: {},
  webSearch: undefined,
  session: {},
  body: {},
};

function candidate(name: string, limits: Partial<UpstreamLimits> = { maxConcurrent: 1 }): Candidate {
  const upstream = {
    name,
    limits: { requests: [], tokens: [], queueSize: 10, queueWaitMs: 60_000, ...limits },
    listModels: async () => [],
    open: () => Promise.reject(new Error("nobody opens")),
  };
  return { upstream, model: "m" };
}

const far = (): number => Date.now() + 600_000;

/** Lines at a clock that stands still, and exchanges that stand in them. */
function open() {
  let nowMs = 1_000_000;
  const queues = createUpstreamQueues({ clock: () => nowMs, metrics: silentMetrics });
  return {
    queues,
    pass(ms: number): void {
      nowMs += ms;
    },
    place: (asked = request): UpstreamPlace => placeAt(queues, asked),
    [Symbol.dispose]: () => queues.stop(),
  };
}

function placeAt(queues: UpstreamQueues | undefined, asked = request): UpstreamPlace {
  const clocks = { firstByteMs: 1000, stallMs: 1000, replyMs: 1000, heartbeatMs: 1000, clientStallMs: 1000 };
  const noDigest = (): never => {
    throw new Error("nothing is sent");
  };
  const identity = { replyId: "r", model: "m", createdAtMs: 0 };
  const consumer = new Collector(identity, { createSent: () => new SentReply(noDigest), encodeReply: String });
  const opening = new Opening(createLiveness(clocks), consumer, { clientLeft() {} });
  return new UpstreamPlace({ ...(queues === undefined ? {} : { queues }), request: asked, caller: "ann" }, opening);
}

describe("UpstreamPlace", () => {
  test("UpstreamPlace keeps the order of those that are free, and of those that are not", async () => {
    using world = open();
    const all = ["one", "two", "three", "four"].map((name) => candidate(name));
    const [one, two, three, four] = all;
    for (const busy of [one!, three!]) await world.place().enter(busy, far());

    expect(world.place().order(all, undefined)).toEqual([two!, four!, one!, three!]);
  });

  test("UpstreamPlace asks the conversation's own upstream first, busy or not, unless that takes too long", async () => {
    using world = open();
    const own = candidate("own");
    const slow = candidate("slow", { requests: [{ limit: 1, windowMs: 60_000 }] });
    const other = candidate("other");
    for (const busy of [own, slow]) await world.place().enter(busy, far());

    expect(world.place().order([own, other], "own")).toEqual([own, other]);
    expect(world.place().order([slow, other], "slow")).toEqual([other, slow]);
  });

  test("UpstreamPlace waits 15 s for the conversation's own upstream where another one could serve", async () => {
    using world = open();
    const own = candidate("own");
    await world.place().enter(own, far());
    const place = world.place();
    place.order([own, candidate("other")], "own");
    const refused = place.enter(own, far()).catch((error: unknown) => error);
    world.pass(15_000);

    expect(await refused).toMatchObject({ kind: "rate-limited", upstream: "own" });
    expect(await refused).toBeInstanceOf(GatewayError);
  });

  test("UpstreamPlace waits no longer than the request's budget", async () => {
    using world = open();
    const busy = candidate("busy");
    await world.place().enter(busy, far());

    const refused = await world
      .place()
      .enter(busy, Date.now() - 1)
      .catch((error: unknown) => error);

    expect(refused).toMatchObject({ kind: "rate-limited" });
  });

  test("UpstreamPlace gives its place back once, and takes another one", async () => {
    using world = open();
    const busy = candidate("busy");
    const place = world.place();
    await place.enter(busy, far());
    place.leave(10);
    place.leave(10);
    await place.enter(busy, far());

    expect(world.queues.views()).toEqual([{ upstream: "busy", waiting: 0, running: 1 }]);
    expect([place.waitedMs, place.tellableMs]).toEqual([0, 0]);
  });

  test("UpstreamPlace counts tools among the tokens of a prompt", async () => {
    using world = open();
    const tools = [{ name: "read", description: "Reads a file of the project. ".repeat(100), parameters: {} }];
    const withTools = (): UpstreamPlace => world.place({ ...request, tools });
    const counting = candidate("counting", { tokens: [{ limit: 1000, windowMs: 60_000 }] });
    const other = candidate("other");
    await withTools().enter(counting, far());

    expect(withTools().order([counting, other], undefined)).toEqual([other, counting]);
  });

  test("UpstreamPlace tells what the wait will probably be while it lasts", async () => {
    using world = open();
    const busy = candidate("busy", { requests: [{ limit: 1, windowMs: 20_000 }] });
    const first = world.place();
    await first.enter(busy, far());
    first.leave();
    const place = world.place();
    const entered = place.enter(busy, far());

    expect(place.tellableMs).toBeGreaterThanOrEqual(20_000);
    world.pass(21_000);
    await entered;
    expect(place.tellableMs).toBeLessThan(20_000);
  });

  test("UpstreamPlace lets everybody in where there are no lines", async () => {
    const place = placeAt(undefined);
    const all = [candidate("one"), candidate("two")];
    await place.enter(all[0]!, far());

    expect(place.order(all, undefined)).toBe(all);
    place.leave();
  });
});
