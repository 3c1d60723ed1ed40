import { expect, test } from "bun:test";
import { longestTimerMs } from "../../../../src/config/setting-kinds.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { createOpenRelays } from "../../../../src/server/between-workers/open-relays.ts";
import { passportOf } from "../../../../src/server/between-workers/passport.ts";
import { createRelay } from "../../../../src/server/between-workers/relay.ts";
import type { ServerRoute, Trip } from "../../../../src/server/trip.ts";
import { eventStreamHeaders } from "../../../../src/sse/event-stream-headers.ts";
import { thisProcess } from "../../../../src/store/lease-owner.ts";
import { RunsElsewhere } from "../../../../src/store/runs-elsewhere.ts";
import type { Fellow, FellowRequest } from "../../../../src/workers/fellows.ts";

const owner = { ...thisProcess(), ownerPid: 4711 };

function tripOf(path: string, init: RequestInit & { isRelayed?: true } = {}): Trip {
  const { isRelayed, ...request } = init;
  return {
    request: new Request(`http://gateway.example${path}?after=3`, request),
    requestId: "req_1",
    path,
    startedAtMs: 0,
    clientAddress: "192.0.2.7",
    caller: "key:ä",
    access: { quota: { subject: "key:ä", limits: { streams: 2 } } },
    answerHeaders: undefined,
    ...(isRelayed && { isRelayed }),
  };
}

interface Asked extends FellowRequest {
  readonly path: string;
}

function createStage(
  send: (asked: Asked) => Promise<Response>,
  options: {
    readonly keeper?: boolean;
    readonly clientStallMs?: number;
    readonly agentTimeoutMs?: number;
    readonly onCut?: () => void;
  } = {},
) {
  const asked: Asked[] = [];
  const fellow: Fellow = {
    name: "other",
    send(path, request) {
      asked.push({ ...request, path });
      return send(asked.at(-1)!);
    },
  };
  const open = createOpenRelays();
  const relay = createRelay({
    open,
    fellows: {
      keeper: () => (options.keeper === true ? fellow : undefined),
      find: ({ ownerPid }) => (ownerPid === owner.ownerPid ? fellow : undefined),
    },
    maxBodyBytes: 100,
    keepOpen: () => options.onCut ?? (() => {}),
    headTimeoutMs: 50,
    clientStallMs: options.clientStallMs ?? 60_000,
    agentTimeoutMs: options.agentTimeoutMs ?? 1000,
  });
  return { relay, asked, open };
}

/** A route that finds its work elsewhere so many times, and then does it. */
function routeOf(path: string, elsewhere: number, where = owner): ServerRoute & { readonly calls: () => number } {
  let calls = 0;
  return {
    method: "GET",
    path,
    calls: () => calls,
    async answer() {
      if (calls++ < elsewhere) throw new RunsElsewhere("it runs in another process", where);
      return new Response("done here");
    },
  };
}

const reached = async () => new Response("from there", { status: 206, headers: { "x-stream-id": "s1", date: "now" } });

test("relay passes on what its owner has, with who asks and without what he has proved it by", async () => {
  const { relay, asked } = createStage(reached);
  const headers = {
    authorization: "Bearer secret",
    "x-api-key": "secret",
    cookie: "secret",
    "last-event-id": "7",
    "x-gateway-passport": "forged",
  };
  const answer = await relay
    .around(routeOf("/api/chat/stream/*", 1))
    .answer(tripOf("/api/chat/stream/s1", { headers }));

  expect([answer.status, await answer.text(), answer.headers.get("x-stream-id")]).toEqual([206, "from there", "s1"]);
  expect(answer.headers.has("date")).toBe(false);
  const [one] = asked;
  expect([one!.method, one!.path, one!.headers.get("last-event-id")]).toEqual([
    "GET",
    "/api/chat/stream/s1?after=3",
    "7",
  ]);
  expect(JSON.stringify([...one!.headers])).not.toContain("secret");
  expect(passportOf(new Request("http://worker/", { headers: one!.headers }))).toEqual({
    requestId: "req_1",
    caller: "key:ä",
    access: { quota: { subject: "key:ä", limits: { streams: 2 } } },
    clientAddress: "192.0.2.7",
  });
});

test("relay gives an event stream the head that it has everywhere, and other answers nothing of a connection [R0-005] [R0-007] [R3-006] [R4-008]", async () => {
  // As the runtime hands it over: what it is told of a connection within the machine.
  const within = { connection: "close", "keep-alive": "timeout=5" };
  const headOf = async (headers: Record<string, string>) => {
    const { relay } = createStage(async () => new Response("x", { headers: { ...headers, ...within } }));
    const { headers: given } = await relay
      .around(routeOf("/api/chat/stream/*", 1))
      .answer(tripOf("/api/chat/stream/s"));
    return Object.fromEntries(given);
  };

  expect(await headOf(eventStreamHeaders)).toEqual(eventStreamHeaders);
  expect(await headOf({ "content-type": "application/json" })).toEqual({ "content-type": "application/json" });
});

test("relay does here what it can, and passes nothing on twice", async () => {
  const { relay, asked } = createStage(reached);
  const here = await relay.around(routeOf("/v1/models", 0)).answer(tripOf("/v1/models"));
  const again = relay.around(routeOf("/v1/responses/*", 1)).answer(tripOf("/v1/responses/r", { isRelayed: true }));

  expect(await here.text()).toBe("done here");
  await expect(again).rejects.toBeInstanceOf(RunsElsewhere);
  expect(asked).toHaveLength(0);
});

test.each([
  ["refuses the connection", owner, () => Promise.reject(new TypeError("ECONNREFUSED"))],
  ["does not answer in time", owner, hanging],
  ["is on another machine", { ...owner, ownerPid: 1 }, reached],
] as const)("relay asks its own route once more where the owner %s", async (_name, where, send) => {
  const { relay } = createStage(send);
  const dead = routeOf("/v1/responses/*", 1, where);
  const alive = routeOf("/v1/responses/*", 2, where);

  expect(await (await relay.around(dead).answer(tripOf("/v1/responses/r"))).text()).toBe("done here");
  await expect(relay.around(alive).answer(tripOf("/v1/responses/r"))).rejects.toMatchObject({ kind: "overloaded" });
  expect([dead.calls(), alive.calls()]).toEqual([2, 2]);
});

function hanging({ signal }: Asked): Promise<Response> {
  const { promise, reject } = Promise.withResolvers<Response>();
  signal.addEventListener("abort", () => reject(signal.reason));
  return promise;
}

test("relay brings what acts to the worker that has the agent, with its body", async () => {
  const { relay, asked } = createStage(reached, { keeper: true });
  const route = routeOf("/api/agent", 0);
  const answer = await relay
    .around({ ...route, method: "POST" })
    .answer(tripOf("/api/agent", { method: "POST", body: '{"query":"Hello"}' }));
  const large = relay
    .around({ ...route, method: "POST" })
    .answer(tripOf("/api/agent", { method: "POST", body: "x".repeat(101) }));

  expect(await answer.text()).toBe("from there");
  expect(Buffer.from(asked[0]!.body ?? []).toString()).toBe('{"query":"Hello"}');
  await expect(large).rejects.toMatchObject({ kind: "too-large" });
  expect([asked.length, route.calls()]).toEqual([1, 0]);
});

test("relay waits for the worker that has the agent as long as the largest AGENT_TIMEOUT_MS says", async () => {
  const slow = async ({ signal }: Asked): Promise<Response> => {
    await Bun.sleep(20);
    signal.throwIfAborted();
    return reached();
  };
  const { relay } = createStage(slow, { keeper: true, agentTimeoutMs: longestTimerMs });
  const answer = await relay.around(routeOf("/mcp", 0)).answer(tripOf("/mcp"));

  expect(await answer.text()).toBe("from there");
});

test("relay says when the worker that has the agent cannot be reached", async () => {
  const { relay } = createStage(() => Promise.reject(new TypeError("ENOENT")), { keeper: true });
  const answer = relay.around(routeOf("/mcp", 0)).answer(tripOf("/mcp"));

  const error: unknown = await Promise.resolve(answer).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(GatewayError);
  expect(error).toMatchObject({ kind: "overloaded", retryAfterMs: 1000 });
});

test("relay reads no faster than its client, hangs up with it, and lets what runs end before it is drained", async () => {
  let pulled = 0;
  let isCancelled = false;
  const endless = () =>
    new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(10));
        },
        cancel() {
          isCancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
  const { relay, open } = createStage(async () => new Response(endless()));
  const answer = await relay.around(routeOf("/v1/responses/*", 1)).answer(tripOf("/v1/responses/r"));
  const reader = answer.body!.getReader();
  await reader.read();
  const drained = open.drain(60_000);
  expect(await Promise.race([drained.then(() => "drained"), Promise.resolve("open")])).toBe("open");
  expect(pulled).toBeLessThan(10);
  await reader.cancel();

  await drained;
  expect(isCancelled).toBe(true);
});

test("relay cuts a client that does not read, and what it is passed on; not one that waits for words", async () => {
  const cut = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  const words = Promise.withResolvers<void>();
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (pulled++ === 1) await words.promise;
        controller.enqueue(new Uint8Array(10));
      },
      cancel: () => cancelled.resolve(),
    },
    { highWaterMark: 0 },
  );
  const { relay, open } = createStage(async () => new Response(body), { clientStallMs: 5, onCut: () => cut.resolve() });
  const answer = await relay.around(routeOf("/v1/responses/*", 1)).answer(tripOf("/v1/responses/r"));
  const reader = answer.body!.getReader();
  await reader.read();
  const second = reader.read();
  // Far longer than a client may be silent: it is the stream that is.
  await open.drain(20);
  words.resolve();
  expect((await second).value).toHaveLength(10);

  await cut.promise;
  await cancelled.promise;
  await open.drain(60_000);
});

test("relay breaks off what breaks off there, and is drained then", async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error("ECONNRESET"));
    },
  });
  const { relay, open } = createStage(async () => new Response(broken));
  const answer = await relay.around(routeOf("/v1/responses/*", 1)).answer(tripOf("/v1/responses/r"));

  await expect(answer.text()).rejects.toThrow("ECONNRESET");
  await open.drain(60_000);
});

test("relay waits for its drain no longer than it was told", async () => {
  const { relay, open } = createStage(
    async () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
  );
  await relay.around(routeOf("/v1/responses/*", 1)).answer(tripOf("/v1/responses/r"));

  await open.drain(1);
});
