// The agent's routes over a real server, with an engine that does what a test says.

import { describe, expect, test } from "bun:test";
import { Check } from "typebox/schema";
import { doneSchema, errorSchema, progressSchema } from "../../../../src/agent/event-schemas.ts";
import type { AgentEngine, AgentProgress, AgentResult, RunOptions } from "../../../../src/agent/engine.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { agentPlaces } from "../../../../src/server/agent/agent-places.ts";
import { agentRoutes } from "../../../../src/server/agent/agent-routes.ts";
import { readLive } from "../../../support/live-stream.ts";
import { type Frame, parseFrames } from "../../../support/sse-frames.ts";
import { startTestServer } from "../test-server.ts";

const done: AgentResult = {
  success: true,
  totalExecutionTime: 12,
  results: [{ service: "calendar", command: "create_event", success: true, result: { id: 1 }, durationMs: 5 }],
  answer: "It is in the calendar",
  session_id: "s1",
};

type Work = (query: string, options: RunOptions) => Promise<AgentResult>;

function startAgent(engine: Partial<AgentEngine> & { readonly work?: Work }, keepAliveMs = 15_000) {
  const unused = (): never => {
    throw new Error("not asked for in this test");
  };
  const { work = async () => done, ...methods } = engine;
  const whole: AgentEngine = {
    processQuery: (_user, query, options = {}) => work(query, options),
    confirm: unused,
    drop: unused,
    cancel: unused,
    capabilities: unused,
    examples: unused,
    settled: async () => {},
    close: async () => {},
    ...methods,
  };
  return startTestServer({
    maxBodyBytes: 1_000_000,
    agent: "open",
    rooms: [
      {
        places: agentPlaces,
        load: async (edge) => agentRoutes({ engine: whole, keepAliveMs, clock: Date.now, ...edge }),
      },
    ],
  });
}

const steps: readonly [AgentProgress["type"], string][] = [
  ["analyzing", "Analyzing your request..."],
  ["discovering", "Found 2 services with 5 commands"],
  ["selecting", "Selected create_event"],
  ["executing", "Executing: create_event (1/1)"],
  ["completed", "Done"],
];

const walking: Work = async (_query, { onProgress }) => {
  for (const [type, message] of steps) onProgress?.({ type, message, timestamp: Date.now() });
  return done;
};

const query = JSON.stringify({ query: "Schedule a meeting with John tomorrow at 2 PM" });
const json = (frame: Frame | undefined): unknown => JSON.parse(frame?.data ?? "null");

describe.each(["/api/agent/stream", "/api/voice/llm/stream"])("POST %s", (path) => {
  test("streams progress in its order and done once and last [R4-001] [R4-007] [R4-010] [R4-012] [R4-017]", async () => {
    const server = startAgent({ work: walking });

    const frames = parseFrames(await (await server.post(path, query)).text());

    expect(frames.map(({ event }) => event)).toEqual([...steps.map(() => "progress"), "done"]);
    expect(frames.slice(0, -1).map((frame) => json(frame))).toMatchObject(
      steps.map(([type, message]) => ({ type, message, timestamp: expect.any(Number) })),
    );
    expect(json(frames.at(-1))).toEqual(done);
    for (const frame of frames.slice(0, -1)) expect(Check(progressSchema, json(frame))).toBe(true);
    expect(Check(doneSchema, json(frames.at(-1)))).toBe(true);
  });

  test("has the head of an event stream, and frames of two lines [R4-008] [R4-009] [R4-048] [R4-049]", async () => {
    const server = startAgent({ work: walking });

    const response = await server.post(path, query);
    const body = await response.text();

    expect(response.headers.get("content-type")).toStartWith("text/event-stream");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("connection")).toBe("keep-alive");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    for (const block of body.trimEnd().split("\n\n"))
      expect(block).toMatch(/^event: (progress|error|done)\ndata: \{.*\}$/);
  });

  test("tells an error before the end of a run that failed [R4-016] [R4-018] [R4-034]", async () => {
    const failed = { ...done, success: false, error: { code: "upstream_failed", message: "The model is out" } };
    const server = startAgent({
      async work(_query, { onProgress }) {
        onProgress?.({ type: "analyzing", message: "Analyzing your request...", timestamp: 1 });
        return failed;
      },
    });

    const frames = parseFrames(await (await server.post(path, query)).text());

    expect(frames.map(({ event }) => event)).toEqual(["progress", "error", "done"]);
    expect(json(frames[1])).toEqual({
      type: "error",
      code: "upstream_failed",
      message: "The model is out",
      timestamp: expect.any(Number),
    });
    expect(json(frames[2])).toMatchObject({ success: false });
    expect(json(frames[2])).not.toHaveProperty("error");
    expect(Check(errorSchema, json(frames[1]))).toBe(true);
  });

  test("ends in error and done also when the engine throws in mid-run, without its inside [R4-016] [R4-017]", async () => {
    const server = startAgent({
      async work(_query, { onProgress }) {
        onProgress?.({ type: "analyzing", message: "Analyzing your request...", timestamp: 1 });
        throw new Error("secret inside");
      },
    });

    const body = await (await server.post(path, query)).text();

    const frames = parseFrames(body);
    expect(frames.map(({ event }) => event)).toEqual(["progress", "error", "done"]);
    expect(json(frames.at(-1))).toMatchObject({ success: false, results: [] });
    expect(Check(doneSchema, json(frames.at(-1)))).toBe(true);
    expect(body).not.toContain("secret inside");
  });

  test("sends progress while the work is done [R4-019] [R4-051]", async () => {
    const gate = Promise.withResolvers<void>();
    const server = startAgent({
      async work(_query, { onProgress }) {
        onProgress?.({ type: "executing", message: "Executing: create_event (1/1)", timestamp: 1 });
        await gate.promise;
        return done;
      },
    });

    const live = readLive(await server.post(path, query));
    const first = await live.next();
    gate.resolve();

    expect(json(first)).toMatchObject({ type: "executing" });
    expect(parseFrames(await live.rest())).toHaveLength(1);
  });

  test("a client that hangs up aborts the run, and what comes after is dropped [R4-026] [R4-035]", async () => {
    const aborted = Promise.withResolvers<void>();
    const server = startAgent({
      async work(_query, { onProgress, signal }) {
        const tell = () => onProgress?.({ type: "executing", message: "x", timestamp: 1 });
        tell();
        signal?.addEventListener("abort", () => {
          tell();
          aborted.resolve();
        });
        await aborted.promise;
        return done;
      },
    });

    const live = readLive(await server.post(path, query));
    await live.next();
    await live.cancel();

    await aborted.promise;
    expect(server.logLines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("says in silence that it is alive [R4-021]", async () => {
    const gate = Promise.withResolvers<void>();
    const server = startAgent(
      {
        async work(_query, { onProgress }) {
          onProgress?.({ type: "executing", message: "x", timestamp: 1 });
          await gate.promise;
          return done;
        },
      },
      10,
    );

    const live = readLive(await server.post(path, query));
    await live.next();
    const comment = await live.nextBlock();
    gate.resolve();

    expect(comment).toBe(": keepalive");
    expect(await live.rest()).toContain("event: done");
  });

  test.each([
    ["no query", {}, "query"],
    ["a query that is no text", { query: 7 }, "query"],
    ["a session that is none", { query: "x", session_id: 7 }, "session_id"],
    ["no object", [], null],
  ])("refuses %s before the stream [R4-029] [R4-030] [R4-047]", async (_what, body, param) => {
    const server = startAgent({});

    const response = await server.post(path, JSON.stringify(body));

    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toStartWith("application/json");
    expect(await response.json()).toMatchObject({ message: expect.any(String), error: { param } });
  });

  test.each([undefined, "of-mine"])("names its session in the head, by which it can be ended: %p", async (session) => {
    const asked: unknown[] = [];
    const server = startAgent({
      async work(_query, { sessionId, onProgress }) {
        asked.push(sessionId);
        onProgress?.({ type: "analyzing", message: "Analyzing your request...", timestamp: 1 });
        return done;
      },
    });

    const response = await server.post(path, JSON.stringify({ query: "x", session_id: session }));
    await response.body?.cancel();

    const named = response.headers.get("x-session-id");
    expect(named).toMatch(/^[\w-]{7,}$/);
    expect(asked).toEqual([named]);
    if (session !== undefined) expect(named).toBe(session);
  });

  test("hands the model on that was asked for, and none where none was [R4-007]", async () => {
    const asked: unknown[] = [];
    const server = startAgent({
      async work(_query, options) {
        asked.push(options.model);
        return done;
      },
    });

    for (const body of [{ query: "x", model: "qwen3-coder" }, { query: "x", model: null }, { query: "x" }])
      await (await server.post(path, JSON.stringify(body))).text();

    expect(asked).toEqual(["qwen3-coder", undefined, undefined]);
  });

  test("what the engine refuses before it begins is a status, not a stream [R4-031]", async () => {
    const server = startAgent({
      work: async () => {
        throw new GatewayError("invalid-request", 'Cannot run the query: "query" is longer than 500 characters', {
          param: "query",
        });
      },
    });

    const response = await server.post(path, query);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: "query" } });
  });

  test("100 runs at a time are told apart [R4-044] [R4-050]", async () => {
    const server = startAgent({ work: async (asked) => ({ ...done, answer: asked }) });

    const bodies = await Promise.all(
      Array.from({ length: 100 }, async (_, index) =>
        (await server.post(path, JSON.stringify({ query: `query ${index}` }))).text(),
      ),
    );

    expect(bodies.map((body) => (json(parseFrames(body).at(-1)) as AgentResult).answer)).toEqual(
      bodies.map((_, index) => `query ${index}`),
    );
  });
});

describe.each(["/api/agent", "/api/voice/llm"])("POST %s", (path) => {
  test("answers with the fields of done [R4-002] [R4-015]", async () => {
    const server = startAgent({ work: walking });

    expect(await (await server.post(path, query)).json()).toEqual(done);
  });

  test("tells why a run failed", async () => {
    const error = { code: "upstream_failed", message: "The model is out" };
    const server = startAgent({ work: async () => ({ ...done, success: false, error }) });

    expect(await (await server.post(path, query)).json()).toMatchObject({ success: false, error });
  });
});

test("POST /api/voice does the same and says that it is deprecated [R4-006]", async () => {
  const server = startAgent({ work: walking });

  const response = await server.post("/api/voice", query);

  expect(response.headers.get("deprecation")).toMatch(/^@\d+$/);
  expect(response.headers.get("link")).toBe('</api/agent>; rel="successor-version"');
  expect(await response.json()).toEqual(done);
});

describe.each(["/api/agent", "/api/voice"])("%s", (base) => {
  test("lists services with their commands, and examples [R4-003] [R4-004]", async () => {
    const services = [
      {
        name: "calendar",
        state: "ready" as const,
        transport: "stdio" as const,
        tools: 1,
        error: undefined,
        commands: [{ name: "create_event", description: "Adds an event", risk: "write" as const }],
      },
    ];
    const server = startAgent({ capabilities: async () => ({ services }), examples: async () => ["Create an event"] });

    expect(await (await server.get(`${base}/capabilities`)).json()).toMatchObject({
      services: [{ name: "calendar", commands: [{ name: "create_event", risk: "write" }] }],
    });
    expect(await (await server.get(`${base}/examples`)).json()).toEqual({ examples: ["Create an event"] });
  });

  test("confirms as JSON or as a stream, with changed arguments [R4-005]", async () => {
    const asked: unknown[] = [];
    const server = startAgent({
      async confirm(user, id, decision, options = {}) {
        asked.push([user, id, decision, options.changed]);
        options.onProgress?.({ type: "executing", message: "Executing: delete_event (1/1)", timestamp: 1 });
        return done;
      },
    });
    const body = { confirmation_id: "c1", decision: "approve", arguments: { id: 7 } };

    const whole = await server.post(`${base}/confirm`, JSON.stringify(body));
    const events = await server.post(`${base}/confirm`, JSON.stringify({ confirmation_id: "c1", decision: "reject" }), {
      accept: "text/event-stream",
    });

    expect(await whole.json()).toEqual(done);
    expect(parseFrames(await events.text()).map(({ event }) => event)).toEqual(["progress", "done"]);
    expect(asked).toEqual([
      ["local", "c1", "approve", { id: 7 }],
      ["local", "c1", "reject", undefined],
    ]);
  });

  test.each([
    ["Text/Event-Stream", "text/event-stream; charset=utf-8"],
    ["application/json, text/event-stream;q=0.5", "text/event-stream; charset=utf-8"],
    ["application/json, text/event-stream;q=0", "application/json;charset=utf-8"],
  ])("answers a confirmation that accepts %p in %p", async (accept, type) => {
    const server = startAgent({ confirm: async () => done });

    const response = await server.post(`${base}/confirm`, '{"confirmation_id":"c1","decision":"approve"}', { accept });

    expect(response.headers.get("content-type")).toBe(type);
  });

  test.each([
    ["no id", { decision: "approve" }, "confirmation_id"],
    ["another decision", { confirmation_id: "c1", decision: "maybe" }, "decision"],
    ["arguments that are none", { confirmation_id: "c1", decision: "approve", arguments: [] }, "arguments"],
  ])("refuses a confirmation with %s", async (_what, body, param) => {
    const server = startAgent({});

    const response = await server.post(`${base}/confirm`, JSON.stringify(body));

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param } });
  });

  test("a question that is gone is a status, also where a stream was asked for", async () => {
    const server = startAgent({
      confirm: async () => {
        throw new GatewayError("gone", "The question has expired");
      },
    });

    const response = await server.post(`${base}/confirm`, '{"confirmation_id":"c1","decision":"approve"}', {
      accept: "text/event-stream",
    });

    expect(response.status).toBe(410);
  });

  test("drops a question, and ends a run", async () => {
    const server = startAgent({ drop: async (_user, id) => id === "c 1", cancel: async (_user, id) => id === "s1" });
    const drop = (id: string) => fetch(`${server.url}${base}/confirm/${id}`, { method: "DELETE" });

    expect(await (await drop("c%201")).json()).toEqual({ confirmation_id: "c 1", deleted: true });
    expect((await drop("c2")).status).toBe(404);
    expect(await (await server.post(`${base}/cancel`, '{"session_id":"s1"}')).json()).toEqual({
      session_id: "s1",
      cancelled: true,
    });
  });
});

// A reload makes them anew over the signal of the process: each listener kept the whole service of its settings, for good.
test("the routes themselves do not listen to the end of the gateway, only what runs does", () => {
  const { signal: stopping } = new AbortController();
  let listeners = 0;
  stopping.addEventListener = () => void listeners++;
  const unused = (): never => {
    throw new Error("not asked for in this test");
  };
  const engine = { confirm: unused, drop: unused, cancel: unused, capabilities: unused, examples: unused };
  agentRoutes({
    engine: { ...engine, processQuery: unused, settled: async () => {}, close: async () => {} },
    keepAliveMs: 1000,
    clock: Date.now,
    maxBodyBytes: 1000,
    keepOpen: () => () => {},
    stopping,
    endOf: () => stopping,
  });

  expect(listeners).toBe(0);
});
