// The seventeen cases that the agent stream was asked for by name, in their groups, over HTTP.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { loadConfig } from "../../src/config/load-config.ts";
import { agentPlaces } from "../../src/server/agent/agent-places.ts";
import { agentRoutes } from "../../src/server/agent/agent-routes.ts";
import { type AgentFrame, readAgentFrames, startAgentGateway } from "../support/agent-gateway.ts";
import { gate, setAgentStage } from "../support/agent-stage.ts";
import type { FakeScript } from "../support/fake-mcp.ts";
import { readLive } from "../support/live-stream.ts";
import { startTestServer } from "../unit/server/test-server.ts";

// Far beyond what the tests need, for machines that are busy with something else: they start processes.
setDefaultTimeout(30_000);

const path = "/api/voice/llm/stream";
const calendar: FakeScript = {
  tools: [
    { name: "create_event", does: "echo", annotations: { destructiveHint: false } },
    { name: "list_events", text: "Yoga", annotations: { readOnlyHint: true } },
    { name: "wait_for_event", does: "never", annotations: { readOnlyHint: true } },
    { name: "list_calls", does: "seen", annotations: { readOnlyHint: true } },
  ],
};

const kindsOf = (frames: readonly AgentFrame[]): unknown[] => frames.map(({ event }) => event);
const typesOf = (frames: readonly AgentFrame[]): unknown[] => frames.slice(0, -1).map(({ data }) => data.type);

describe("input", () => {
  test.each([
    ["1: a query is required", {}],
    ["2: a query that is too long is refused", { query: "a".repeat(501) }],
    ["3: a query of another type is refused", { query: ["What is on today?"] }],
  ])("%s [R4-047]", async (_name, body) => {
    await using agent = await startAgentGateway({ calendar });

    const response = await agent.harness.post(path, body);

    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toStartWith("application/json");
    expect(await response.json()).toMatchObject({ error: { param: "query" } });
    expect(agent.harness.emulator.requests.filter(({ on }) => on === "completions")).toEqual([]);
  });
});

describe("headers", () => {
  test("4: the head is that of an event stream which nobody gathers or keeps [R4-048]", async () => {
    await using agent = await startAgentGateway({ calendar });
    agent.answer("Hello.");

    const response = await agent.harness.post(path, { query: "Hello" });
    await response.text();

    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toStartWith("text/event-stream");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("connection")).toBe("keep-alive");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
  });
});

describe("format", () => {
  test("5: a frame is a line of its type, a line of JSON, and a blank line [R4-049]", async () => {
    await using agent = await startAgentGateway({ calendar });
    agent.answer(["list_events"], "Yoga\nand more.");

    const body = await (await agent.harness.post(path, { query: "What is on today?" })).text();

    expect(body).toMatch(/^(?:event: (?:progress|done)\ndata: \{[^\n]*\}\n\n)+$/);
    for (const { data } of readAgentFrames(body)) expect(data).toBeObject();
  });
});

describe("connections", () => {
  test("6: several at a time are served at the same time, each its own answer [R4-050]", async () => {
    await using agent = await startAgentGateway({ calendar });
    const names = ["first", "second", "third", "fourth", "fifth"];
    agent.harness.emulator.script(
      ...names.map((name) => ({ match: `the ${name} question`, gate: name, reply: { text: `The ${name} answer.` } })),
    );

    const streams = await Promise.all(
      names.map(async (name) => readLive(await agent.open(`This is the ${name} question`))),
    );
    // All have begun, and end in the order that the model chooses.
    for (const stream of streams) expect((await stream.next())?.event).toBe("progress");
    const answers: string[] = [];
    for (const [index, name] of [...names.entries()].reverse()) {
      agent.harness.emulator.release(name, "all");
      answers.push((await streams[index]?.rest()) ?? "");
    }

    for (const [index, name] of [...names].reverse().entries())
      expect(answers[index]).toContain(`"answer":"The ${name} answer."`);
  });
});

describe("progress", () => {
  test("7: it is told when it happens: of a call before that has ended [R4-051]", async () => {
    await using agent = await startAgentGateway({ calendar });
    agent.answer(["wait_for_event"]);
    const stream = readLive(await agent.open("Wait for an event"));

    const told: unknown[] = [];
    // The call never ends.
    while (told.at(-1) !== "executing") told.push(JSON.parse((await stream.next())?.data ?? "").type);
    await stream.cancel();

    expect(told).toEqual(["analyzing", "discovering", "selecting", "executing"]);
  });

  test("8: several steps are told, each call of several among them [R4-051]", async () => {
    await using agent = await startAgentGateway({ calendar });
    agent.answer(["list_events"], ["create_event", { title: "Yoga" }], "Done.");

    const frames = await agent.run("Add Yoga unless it is there");

    expect(typesOf(frames)).toEqual(["analyzing", "discovering", "selecting", "executing", "executing", "completed"]);
    const times = frames.slice(0, -1).map(({ data }) => (data as { timestamp?: number }).timestamp ?? 0);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
  });

  test("9: done is the last event, once, with what came of it [R4-051]", async () => {
    await using agent = await startAgentGateway({ calendar });
    agent.answer(["create_event", { title: "Yoga" }], "Yoga is there.");

    const frames = await agent.run("Add Yoga");

    expect(kindsOf(frames).filter((kind) => kind === "done")).toHaveLength(1);
    expect(frames.at(-1)).toMatchObject({
      event: "done",
      data: {
        success: true,
        totalExecutionTime: expect.any(Number),
        results: [{ service: "calendar", command: "create_event", success: true, result: { title: "Yoga" } }],
        answer: "Yoga is there.",
      },
    });
  });
});

describe("failures", () => {
  test("10: one of the engine's is told as an error, and then done [R4-052]", async () => {
    await using agent = await startAgentGateway({ calendar }, { RETRY_MAX_ATTEMPTS: "1" });
    agent.harness.emulator.script({ on: "completions", refuse: "internal-error", times: "always" });

    const frames = await agent.run("What is on today?");

    expect(kindsOf(frames).slice(-2)).toEqual(["error", "done"]);
    expect(frames.at(-2)?.data).toMatchObject({ type: "error", code: expect.any(String), message: expect.any(String) });
    expect(frames.at(-1)?.data).toMatchObject({ success: false, results: [] });
  });

  test("11: a run that is late ends with timeout, after 60 s where nothing else is set, and its call with it [R4-052]", async () => {
    const unset = loadConfig({ environment: {}, flags: {} });
    await using agent = await startAgentGateway({ calendar }, { AGENT_TIMEOUT_MS: "2500" });
    agent.harness.emulator.script({
      match: "Wait for an event",
      reply: { text: "", calls: [{ name: "wait_for_event", arguments: {} }] },
    });

    const frames = await agent.run("Wait for an event");
    const { calls } = await seenCalls(agent);

    expect(unset.config.agentTimeoutMs).toBe(60_000);
    expect(kindsOf(frames).slice(-2)).toEqual(["error", "done"]);
    expect(frames.at(-2)?.data.code).toBe("timeout");
    expect(frames.at(-1)?.data).toMatchObject({ success: false, results: [{ command: "wait_for_event" }] });
    expect(calls).toContain("cancelled wait_for_event");
  });

  test("12: what is not clear is asked about, and nothing is carried out [R4-052]", async () => {
    await using agent = await startAgentGateway({ calendar });
    agent.answer(["ask_user", { question: "Which John?" }]);

    const frames = await agent.run("Meet John tomorrow");
    const { calls } = await seenCalls(agent);

    expect(frames.at(-1)?.data).toMatchObject({
      success: true,
      needsClarification: true,
      clarificationQuestion: "Which John?",
      results: [],
    });
    expect(calls).toEqual(["list", "call list_calls"]);
  });
});

/** What the tool server has seen, by a run of its own. */
async function seenCalls(agent: Awaited<ReturnType<typeof startAgentGateway>>): Promise<{ calls: string[] }> {
  agent.answer(["list_calls"], "That is all.");
  const frames = await agent.run("Which calls were there?");
  return { calls: String(frames.at(-1)?.data.results?.[0]?.result).split("\n") };
}

describe("who may", () => {
  const secret = { AGENT_OPEN: "false", JWT_SECRET: "a secret of tests that has enough bytes" };

  test.each([
    ["13: nobody without a token", {}],
    ["14: nobody with a token that is none", { authorization: "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm5hIn0." }],
  ])("%s [R4-053]", async (_name, headers) => {
    await using agent = await startAgentGateway({ calendar }, secret);

    const response = await agent.harness.post(path, { query: "What is on today?" }, { headers });

    expect(response.status).toBe(401);
    expect(response.headers.get("content-type")).toStartWith("application/json");
    expect(await response.json()).toMatchObject({ message: expect.any(String), error: { code: expect.any(String) } });
  });

  test("15: who is refused has touched neither the model nor a tool server, whatever the route [R4-053]", async () => {
    await using agent = await startAgentGateway({ calendar }, secret);
    const routes = agentPlaces.map(({ method, path: place }) => [method, place.replace("*", "c1")] as const);

    const answers = await Promise.all(
      routes.map(([method, place]) =>
        fetch(agent.harness.url + place, {
          method,
          ...(method === "POST" && { body: JSON.stringify({ query: "Delete all" }) }),
        }),
      ),
    );

    expect(answers.map(({ status }) => status)).toEqual(routes.map(() => 401));
    expect(agent.harness.emulator.requests.filter(({ on }) => on === "completions")).toEqual([]);
    expect(agent.harness.logLines.filter((line) => line.includes("A tool server is connected"))).toEqual([]);
  });
});

describe("performance", () => {
  test("16: a typical run is over with its last answer: nothing waits behind the model and the tools [R4-054]", async () => {
    await using agent = await startAgentGateway({ calendar });
    agent.answer(["list_events"], ["create_event", { title: "Yoga" }]);
    agent.harness.emulator.script({ gate: "last", reply: { text: "Done." } });
    const stream = readLive(await agent.open("Add Yoga unless it is there"));
    let executed = 0;
    while (executed < 2) executed += JSON.parse((await stream.next())?.data ?? "").type === "executing" ? 1 : 0;

    agent.harness.emulator.release("last", "all");
    const rest = readAgentFrames(await stream.rest());

    // The figure is told by test/manual/agent-figures.ts.
    expect(kindsOf(rest)).toEqual(["progress", "done"]);
    expect(rest.at(-1)?.data).toMatchObject({ success: true, answer: "Done." });
  });
});

describe("the engine's seam", () => {
  test("17: routes and engine meet in the callback of progress: another engine serves them as well [R4-055]", async () => {
    const { opened, open } = gate();
    const stage = setAgentStage({ answers: [[["list_events"]], "Nothing is on."] });
    const asked: unknown[] = [];
    const server = startTestServer({
      maxBodyBytes: 1_000_000,
      agent: "open",
      rooms: [
        {
          places: agentPlaces,
          load: async (edge) =>
            agentRoutes({
              keepAliveMs: 60_000,
              clock: Date.now,
              engine: {
                ...stage.engine,
                async processQuery(user, query, { streaming, onProgress } = {}) {
                  asked.push([user, query, streaming]);
                  onProgress?.({ type: "executing", message: "Executing: anything (1/1)", timestamp: 7 });
                  await opened;
                  return { success: true, totalExecutionTime: 1, results: [], answer: "Made up.", session_id: "s" };
                },
              },
              ...edge,
            }),
        },
      ],
    });

    const stream = readLive(await server.post(path, JSON.stringify({ query: "Anything" })));
    const first = await stream.next();
    open();
    const rest = readAgentFrames(await stream.rest());
    // And the engine without any route.
    const direct = await stage.engine.processQuery("anna", "What is on today?", {
      streaming: true,
      onProgress: (progress) => void asked.push(progress.type),
    });

    expect(JSON.parse(first?.data ?? "")).toEqual({
      type: "executing",
      message: "Executing: anything (1/1)",
      timestamp: 7,
    });
    expect(rest).toMatchObject([{ event: "done", data: { success: true, answer: "Made up." } }]);
    expect(direct.answer).toBe("Nothing is on.");
    expect(asked).toEqual([
      ["local", "Anything", true],
      "analyzing",
      "discovering",
      "selecting",
      "executing",
      "completed",
    ]);
  });
});
