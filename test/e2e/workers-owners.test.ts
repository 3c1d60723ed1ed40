// What runs in one worker, reached from another one, with the compiled executable: streams that are read on, answers in the
// background, runs of the agent and its questions.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { AgentResult } from "../../src/agent/engine.ts";
import { parseTyped } from "../http/typed-client.ts";
import { eventually } from "../support/binary.ts";
import type { FakeScript } from "../support/fake-mcp.ts";
import { isAlive, untilEnded } from "../support/processes.ts";
import { parseFrames } from "../support/sse-frames.ts";
import { connectTo, connectToAll, type WorkerConnection } from "../support/worker-connections.ts";
import { readSlowly } from "./slow-reader.ts";
import { type Stage, startStage } from "./stage.ts";
import { bearer, count, pidsOf, startWorkers } from "./workers-stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

/** An answer that stops behind its first words. */
async function gate(stage: Stage, name: string): Promise<void> {
  await stage.emulator.script({ match: name, gate: name, reply: { chunks: ["begun", " and", " ended"] } });
  await stage.emulator.release(name, 2);
}

const jsonOf = async (answer: Promise<Response>) => (await answer).json() as Promise<Record<string, unknown>>;

describe("a stream of the typed chat", () => {
  async function begin(stage: Stage) {
    await gate(stage, "typed words");
    const first = await connectTo(stage.gateway.url, 1);
    const body = { message: "typed words", session_id: "s1", resumable: true, options: { quality: false } };
    const response = await first.post("/api/chat/stream", body);
    const reader = await readSlowly(response);
    await reader.until("begun");
    return { first, reader, streamId: response.headers.get("x-stream-id") ?? "" };
  }

  test("is told by the feed of every worker, and nowhere any more when it has ended", async () => {
    await using stage = await startWorkers();
    const { first, reader, streamId } = await begin(stage);
    const connections = await connectToAll(stage.gateway.url, count);
    const feeds = await Promise.all(connections.map(async (one) => readSlowly(await one.send("/api/feed"))));
    await Promise.all(feeds.map((feed) => feed.until(`{"streams":[{"stream_id":"${streamId}"`)));
    await stage.emulator.release("typed words", "all");
    await reader.rest();

    for (const feed of feeds) void feed.rest().catch(() => {});
    await eventually(
      async () => feeds.every(({ text }) => text.lastIndexOf('{"streams":[]}') > text.indexOf(streamId)) || undefined,
      () => feeds.map(({ text }) => text).join("\n\n"),
    );
    for (const connection of [first, ...connections]) connection[Symbol.dispose]();
  });

  test("is read on at every other worker from any event, while it runs and behind its end, and has no gap", async () => {
    await using stage = await startWorkers();
    const { first, reader, streamId } = await begin(stage);
    await reader.leave();
    first[Symbol.dispose]();
    const seen = parseTyped(reader.text.slice(0, reader.text.lastIndexOf("\n\n") + 2));
    const connections = await connectToAll(stage.gateway.url, count);
    const running = connections.map(async (connection) =>
      readSlowly(
        await connection.send(`/api/chat/stream/${streamId}`, {
          headers: { "last-event-id": String(seen.at(-1)!.id) },
        }),
      ),
    );
    const readers = await Promise.all(running);
    await stage.emulator.release("typed words", "all");
    const rests = (await Promise.all(readers.map((one) => one.rest()))).map(parseTyped);
    for (const connection of connections) connection[Symbol.dispose]();
    using second = await connectTo(stage.gateway.url, 2);
    const whole = parseTyped(await (await second.send(`/api/chat/stream/${streamId}`)).text());

    expect(whole.map(({ id }) => id)).toEqual(whole.map((_, index) => index + 1));
    for (const rest of rests) expect([...seen, ...rest]).toEqual(whole);
    expect(whole.at(-1)?.data).toBe("[DONE]");
  });

  test("is stopped at another worker; who is not its caller learns nothing of it there", async () => {
    await using stage = await startWorkers({ environment: { API_KEY: "mine,other" } });
    await gate(stage, "typed words");
    using first = await connectTo(stage.gateway.url, 1);
    const body = { message: "typed words", resumable: true };
    const response = await first.post("/api/chat/stream", body, bearer("mine"));
    const streamId = response.headers.get("x-stream-id") ?? "";
    const reader = await readSlowly(response);
    await reader.until("begun");
    using second = await connectTo(stage.gateway.url, 2);
    const path = `/api/chat/stream/${streamId}`;
    const foreign = await second.send(path, { method: "DELETE", headers: bearer("other") });
    const nobody = await second.send(path, { method: "DELETE" });
    const stopped = await jsonOf(second.send(path, { method: "DELETE", headers: bearer("mine") }));

    expect([foreign.status, nobody.status]).toEqual([404, 401]);
    expect(stopped).toEqual({ stream_id: streamId, stopped: true });
    expect(await reader.rest()).toContain("The answer was stopped");
  });

  test("whose worker was killed is told as cut short at another one, with all that was said", async () => {
    await using stage = await startWorkers();
    const { reader, streamId } = await begin(stage);
    process.kill(pidsOf(stage)[0]!, "SIGKILL");
    await reader.rest().catch(() => {});
    await stage.gateway.line((line) => line.includes("A worker ended"));
    using second = await connectTo(stage.gateway.url, 2);
    const text = await (await second.send(`/api/chat/stream/${streamId}`)).text();

    expect(text).toContain("begun");
    expect(parseTyped(text).at(-1)?.data).toContain("The gateway was stopped during this answer");
  });

  test("that another worker passes on ends for its reader with the worker that has it, and is no clean end", async () => {
    await using stage = await startWorkers();
    const { streamId } = await begin(stage);
    using second = await connectTo(stage.gateway.url, 2);
    const reader = await readSlowly(await second.send(`/api/chat/stream/${streamId}`));
    await reader.until("begun");
    process.kill(pidsOf(stage)[0]!, "SIGKILL");

    expect(await reader.rest().catch((error: unknown) => error)).toBeInstanceOf(Error);
  });

  test("SIGTERM lets a reader at another worker come to the end, also one that came before a reload", async () => {
    await using stage = await startWorkers({ settings: { STREAM_USAGE: "request" } });
    const { streamId } = await begin(stage);
    using second = await connectTo(stage.gateway.url, 2);
    const reader = await readSlowly(await second.send(`/api/chat/stream/${streamId}`));
    await reader.until("begun");
    await stage.reload({ STREAM_USAGE: "always" });
    stage.gateway.kill("SIGTERM");
    for (let worker = 1; worker <= count; worker++) {
      await stage.gateway.line((line) => line.includes("Stopping") && line.includes(`"worker":${worker}`));
    }
    await stage.emulator.release("typed words", "all");

    expect(parseTyped(await reader.rest()).at(-1)?.data).toBe("[DONE]");
    expect(await stage.gateway.exited).toBe(0);
  });
});

describe("a response in the background", () => {
  test("is polled, streamed and cancelled at other workers than its own", async () => {
    await using stage = await startWorkers();
    for (const name of ["streamed words", "cancelled words"]) await gate(stage, name);
    using first = await connectTo(stage.gateway.url, 1);
    using second = await connectTo(stage.gateway.url, 2);
    using third = await connectTo(stage.gateway.url, 3);
    const begin = (input: string, stream: boolean) =>
      first.post("/v1/responses", { model: "qwen3-max", input, background: true, stream });
    const quiet = await jsonOf(begin("cancelled words", false));
    await stage.emulator.until((all) => all.some(({ on, status }) => on === "completions" && status === 200));
    const own = await readSlowly(await begin("streamed words", true));
    await own.until("begun");
    await own.leave();
    const id = /"id":"(resp_[^"]+)"/.exec(own.text)?.[1] ?? "";

    expect(await jsonOf(second.send(`/v1/responses/${id}`))).toMatchObject({ status: "in_progress" });
    const reader = await readSlowly(await third.send(`/v1/responses/${id}?stream=true`));
    await reader.until("begun");
    await stage.emulator.release("streamed words", "all");
    const frames = parseFrames(await reader.rest());
    expect(frames.at(-1)?.data).toContain("response.completed");
    const numbers = frames.map(({ data }) => (JSON.parse(data) as { sequence_number: number }).sequence_number);
    expect(numbers).toEqual(numbers.map((_, index) => index));

    const cancelled = await jsonOf(second.post(`/v1/responses/${String(quiet["id"])}/cancel`, {}));
    expect(cancelled).toMatchObject({ id: quiet["id"], status: "cancelled" });
    await stage.emulator.until((all) => all.some(({ on }) => on === "stop"));
  });
});

describe("what is deleted at another worker", () => {
  test("stops where it runs: a stream of a session, and a response in the background", async () => {
    await using stage = await startWorkers();
    for (const name of ["typed words", "quiet words"]) await gate(stage, name);
    using first = await connectTo(stage.gateway.url, 1);
    using second = await connectTo(stage.gateway.url, 2);
    const quiet = await jsonOf(
      first.post("/v1/responses", { model: "qwen3-max", input: "quiet words", background: true }),
    );
    const body = { message: "typed words", session_id: "s1", resumable: true, options: { quality: false } };
    const reader = await readSlowly(await first.post("/api/chat/stream", body));
    await reader.until("begun");
    await stage.emulator.until(
      (all) => all.filter(({ on, status }) => on === "completions" && status === 200).length === 2,
    );
    const deleted = [
      (await second.send("/api/chat/sessions/s1", { method: "DELETE" })).status,
      (await second.send(`/v1/responses/${String(quiet["id"])}`, { method: "DELETE" })).status,
    ];

    expect(deleted).toEqual([200, 200]);
    expect(await reader.rest()).toContain("The answer was stopped");
    await stage.emulator.until((all) => all.filter(({ on }) => on === "stop").length === 2);
  });

  test("is not kept when it is whole: a response of a session", async () => {
    await using stage = await startWorkers();
    await gate(stage, "spoken words");
    using first = await connectTo(stage.gateway.url, 1);
    using second = await connectTo(stage.gateway.url, 2);
    const body = { model: "qwen3-max", input: "spoken words", stream: true, prompt_cache_key: "s2" };
    const reader = await readSlowly(await first.post("/v1/responses", body));
    await reader.until("begun");
    const deleted = await second.send("/v1/sessions/s2", { method: "DELETE" });
    await stage.emulator.release("spoken words", "all");
    const id = /"id":"(resp_\w+)"/.exec(await reader.rest())?.[1];

    expect(deleted.status).toBe(200);
    expect((await second.send(`/v1/responses/${id}`)).status).toBe(404);
  });

  test("is not kept when its first answer is whole: a session that its own worker alone knows", async () => {
    await using stage = await startWorkers();
    await gate(stage, "spoken words");
    using first = await connectTo(stage.gateway.url, 1);
    using second = await connectTo(stage.gateway.url, 2);
    const messages = [{ role: "user", content: "spoken words" }];
    const body = { model: "qwen3-max", messages, stream: true, prompt_cache_key: "s4" };
    const reader = await readSlowly(await first.post("/v1/chat/completions", body));
    await reader.until("begun");
    const deleted = await second.send("/v1/sessions/s4", { method: "DELETE" });
    await stage.emulator.release("spoken words", "all");

    expect(deleted.status).toBe(200);
    expect(await reader.rest()).toContain("[DONE]");
    expect((await first.send("/v1/sessions/s4")).status).toBe(404);
    expect((await second.send("/v1/sessions/s4")).status).toBe(404);
  });

  test("is not kept when its session went before its first word, and what is asked afterwards is", async () => {
    await using stage = await startWorkers();
    await stage.emulator.script({
      match: "spoken words",
      gate: "held",
      reply: { chunks: ["begun", " and", " ended"] },
    });
    using first = await connectTo(stage.gateway.url, 1);
    using second = await connectTo(stage.gateway.url, 2);
    // What the session is known by elsewhere.
    const body = { model: "qwen3-max", input: "Say one", prompt_cache_key: "s3" };
    await jsonOf(first.post("/v1/responses", body));
    const answer = jsonOf(first.post("/v1/responses", { ...body, input: "spoken words" }));
    await stage.emulator.until((all) => all.filter(({ on }) => on === "completions").length === 2);
    const deleted = await second.send("/v1/sessions/s3", { method: "DELETE" });
    await stage.emulator.release("held", "all");
    const { id } = await answer;
    const { id: later } = await jsonOf(first.post("/v1/responses", body));

    expect(deleted.status).toBe(200);
    const statuses = [id, later].map(async (one) => (await second.send(`/v1/responses/${String(one)}`)).status);
    expect(await Promise.all(statuses)).toEqual([404, 200]);
  });
});

test("a session whose first answer still runs is found at every worker, by its caller alone", async () => {
  await using stage = await startWorkers({ environment: { API_KEY: "mine,other" } });
  await gate(stage, "spoken words");
  using first = await connectTo(stage.gateway.url, 1);
  using second = await connectTo(stage.gateway.url, 2);
  const messages = [{ role: "user", content: "spoken words" }];
  const body = { messages, stream: true, prompt_cache_key: "s5" };
  const reader = await readSlowly(await first.post("/v1/chat/completions", body, bearer("mine")));
  await reader.until("begun");
  const foreign = await second.send("/v1/sessions/s5", { headers: bearer("other") });
  const list = await jsonOf(second.send("/v1/sessions", { headers: bearer("mine") }));
  const told = await jsonOf(second.send("/v1/sessions/s5", { headers: bearer("mine") }));
  await stage.emulator.release("spoken words", "all");

  expect(foreign.status).toBe(404);
  expect(list).toMatchObject({ data: [{ sessionId: "s5", messageCount: 0 }] });
  expect(told).toMatchObject({ sessionId: "s5", messageCount: 0 });
  expect(await reader.rest()).toContain("[DONE]");
  expect(await jsonOf(second.send("/v1/sessions/s5", { headers: bearer("mine") }))).toMatchObject({ messageCount: 1 });
});

describe("the agent", () => {
  const script: FakeScript = {
    tools: [
      { name: "look", text: "a lamp", annotations: { readOnlyHint: true } },
      { name: "switch_lamp", text: "The lamp is on", annotations: { readOnlyHint: false, destructiveHint: true } },
      { name: "wait_long", does: "never", annotations: { readOnlyHint: true } },
      { name: "think_long", text: "thought", delayMs: 12_000, annotations: { readOnlyHint: true } },
      { name: "ask_colour", does: "ask", annotations: { readOnlyHint: true } },
      { name: "who", does: "family", annotations: { readOnlyHint: true } },
    ],
  };
  const call = (name: string) => ({ reply: { text: "", calls: [{ name, arguments: {} }] } });

  async function startAgent() {
    const fake = join(import.meta.dir, "../support/fake-mcp.ts");
    const servers = { home: { command: process.execPath, args: [fake, JSON.stringify(script)] } };
    const stage = await startStage({
      environment: { WORKERS: String(count), MCP_SERVERS: JSON.stringify(servers), AGENT_OPEN: "true" },
    });
    const connections = await connectToAll(stage.gateway.url, count);
    const run = async (connection: WorkerConnection, path: string, body: object) =>
      (await (await connection.post(path, body)).json()) as AgentResult;
    return {
      stage,
      connections,
      run,
      async [Symbol.asyncDispose]() {
        for (const connection of connections) connection[Symbol.dispose]();
        await stage[Symbol.asyncDispose]();
      },
    };
  }

  let silent: Promise<AgentResult> | undefined;
  // It runs beside the tests of this file, and is looked at in the last of these.
  beforeAll(() => {
    silent = (async () => {
      await using agent = await startAgent();
      await agent.stage.emulator.script(call("think_long"), { reply: { text: "It took its time." } });
      return await agent.run(agent.connections[1]!, "/api/agent", { query: "Think about it" });
    })();
    silent.catch(() => {});
  });

  test("a plan that waits is confirmed at another worker, once; a server's question is answered at a third", async () => {
    await using agent = await startAgent();
    const [first, second, third] = agent.connections;
    await agent.stage.emulator.script(call("switch_lamp"), { reply: { text: "It is on." } });
    const { pending } = await agent.run(second!, "/api/agent", { query: "Switch the lamp on" });
    const body = { confirmation_id: pending?.confirmation_id, decision: "approve" };
    const confirmed = await agent.run(third!, "/api/agent/confirm", body);
    const again = await first!.post("/api/agent/confirm", body);
    expect(confirmed).toMatchObject({ success: true, results: [{ command: "switch_lamp", success: true }] });
    expect(again.status).toBe(410);

    await agent.stage.emulator.script(call("ask_colour"), { reply: { text: "Blue it is." } });
    const asked = await agent.run(third!, "/api/agent", { query: "Ask me for a colour" });
    const answered = await agent.run(second!, "/api/agent/confirm", {
      confirmation_id: asked.pending?.confirmation_id,
      decision: "approve",
      arguments: { colour: "blue" },
    });
    expect(answered).toMatchObject({ success: true, answer: "Blue it is." });
    expect(JSON.stringify(answered.results)).toContain("blue");
  });

  test("a run is cancelled at another worker, and its stream tells so", async () => {
    await using agent = await startAgent();
    const [first, second] = agent.connections;
    await agent.stage.emulator.script(call("wait_long"));
    const response = await second!.post("/api/agent/stream", { query: "Wait", session_id: "s1" });
    const reader = await readSlowly(response);
    await reader.until('"executing"');
    const cancelled = await jsonOf(first!.post("/api/agent/cancel", { session_id: "s1" }));

    expect(cancelled).toEqual({ session_id: "s1", cancelled: true });
    expect(await reader.rest()).toContain('"code":"cancelled"');
  });

  test("tool servers are started once for all workers, and once more when their worker was killed", async () => {
    await using agent = await startAgent();
    const [, second, third] = agent.connections;
    const family: number[] = [];
    const ask = async (connection: WorkerConnection): Promise<number> => {
      await agent.stage.emulator.script(call("who"), { reply: { text: "Those." } });
      const { results } = await agent.run(connection, "/api/agent", { query: "Who are you?" });
      const text = JSON.stringify(results[0]?.result);
      family.push(Number(/child\D+(\d+)/.exec(text)?.[1]));
      return Number(/parent\D+(\d+)/.exec(text)?.[1]);
    };
    const before = [await ask(second!), await ask(third!)];
    expect(before[0]).toBeGreaterThan(0);
    expect(before[1]).toBe(before[0]!);
    const left = [before[0]!, ...family];
    expect(left.map(isAlive)).toEqual([true, true, true]);
    process.kill(pidsOf(agent.stage)[0]!, "SIGKILL");
    await agent.stage.gateway.line((line) => line.includes("A worker ended"));
    await eventually(
      async () => ((await second!.send("/api/agent/capabilities")).status === 200 ? true : undefined),
      () => "another worker has the agent",
    );

    const after = await ask(third!);
    expect(after).toBeGreaterThan(0);
    expect(after).not.toBe(before[0]!);
    // What a tool server has started keeps it alive behind the end of its input: nobody else ends it.
    for (const pid of left) await untilEnded(pid);
  });

  test("an answer that is silent for longer than any idle timeout of the runtime comes through another worker", async () => {
    expect(await silent).toMatchObject({ success: true, answer: "It took its time." });
  });
});

describe("who looks after the gateway", () => {
  test("sees the replies of all workers, and ends one anywhere", async () => {
    await using stage = await startWorkers();
    const readers = [];
    for (let worker = 1; worker <= count; worker++) {
      await gate(stage, `words ${worker}`);
      const connection = await connectTo(stage.gateway.url, worker);
      const messages = [{ role: "user", content: `words ${worker}` }];
      const reader = await readSlowly(await connection.post("/v1/chat/completions", { messages, stream: true }));
      await reader.until("begun");
      readers.push(reader);
    }
    using second = await connectTo(stage.gateway.url, 2);
    const { data } = (await jsonOf(second.send("/admin/api/streams"))) as unknown as { data: { id: string }[] };
    expect(data).toHaveLength(count);
    expect(await jsonOf(second.send("/admin/api/status"))).toMatchObject({ workers: count, live_streams: count });
    expect(await jsonOf(second.send("/admin/api/upstreams"))).toMatchObject({
      data: [{ name: "qwen-web", queue: { running: count, waiting: 0 } }],
    });
    for (const { id } of data) {
      expect(await jsonOf(second.send(`/admin/api/streams/${id}`, { method: "DELETE" }))).toEqual({ id, ended: true });
    }
    expect((await second.send("/admin/api/streams/none", { method: "DELETE" })).status).toBe(404);
    for (const reader of readers) expect(await reader.rest()).toContain("This reply was ended");
  });

  test("pauses an upstream and captures a session at all workers, also at one that starts later", async () => {
    await using stage = await startWorkers();
    const connections = await connectToAll(stage.gateway.url, count);
    const pause = await connections[0]!.post("/admin/api/upstreams/qwen-web/pause", {});
    await connections[1]!.post("/admin/api/captures", { session_id: "seen", minutes: 5 });
    expect(pause.status).toBe(200);
    process.kill(pidsOf(stage)[2]!, "SIGKILL");
    await stage.gateway.line((line) => line.includes("A worker serves again"));
    connections[2]![Symbol.dispose]();
    const present = [connections[0]!, connections[1]!, await connectTo(stage.gateway.url, 3)];
    const chat = (connection: WorkerConnection) =>
      connection.post("/v1/chat/completions", { messages: [{ role: "user", content: "Say: fine" }] });
    for (const connection of present) {
      expect((await chat(connection)).status).toBe(503);
      expect(await jsonOf(connection.send("/admin/api/captures"))).toMatchObject({ data: [{ session_id: "seen" }] });
    }
    await present[2]!.post("/admin/api/upstreams/qwen-web/resume", {});
    await present[2]!.send("/admin/api/captures/seen", { method: "DELETE" });
    for (const connection of present) {
      expect((await chat(connection)).status).toBe(200);
      expect(await jsonOf(connection.send("/admin/api/captures"))).toEqual({ data: [] });
      connection[Symbol.dispose]();
    }
  });

  test("reads the log of all workers at one, also behind a reload", async () => {
    await using stage = await startWorkers({ settings: { LOG_LEVEL: "info" } });
    using first = await connectTo(stage.gateway.url, 1);
    const lineOf = async (feed: Awaited<ReturnType<typeof readSlowly>>, worker: number, word: string) => {
      using connection = await connectTo(stage.gateway.url, worker);
      // Repeated: the feed is followed a moment after it was opened.
      await eventually(
        async () => {
          await connection.send(`/${word}-${worker}`);
          return feed.text.includes(`/${word}-${worker}`) ? true : undefined;
        },
        () => `a line of worker ${worker}`,
      );
    };
    const feed = await readSlowly(await first.send("/admin/api/log"));
    const reading = feed.rest().catch(() => {});
    for (let worker = 1; worker <= count; worker++) await lineOf(feed, worker, "before");
    await stage.reload({ LOG_LEVEL: "debug" });
    await reading;
    using again = await connectTo(stage.gateway.url, 2);
    const next = await readSlowly(await again.send("/admin/api/log"));
    void next.rest().catch(() => {});
    for (let worker = 1; worker <= count; worker++) await lineOf(next, worker, "after");
  });

  test("the inner door answers nobody without a passport, and the front door believes none", async () => {
    await using stage = await startWorkers({ environment: { API_KEY: "mine" } });
    const passport = encodeURIComponent(JSON.stringify({ caller: "local", requestId: "req_1" }));
    const front = await stage.get("/v1/models", { "x-gateway-passport": passport });
    const run = join(stage.place.home, ".local", "share", "qwen-gateway", "run");
    // The type does not know the socket.
    const inside: RequestInit & { unix: string } = { unix: join(run, `${pidsOf(stage)[0]}.sock`) };
    const without = await fetch("http://worker/v1/models", inside);
    const withOne = await fetch("http://worker/v1/models", { ...inside, headers: { "x-gateway-passport": passport } });

    expect([front.status, without.status, withOne.status]).toEqual([401, 500, 200]);
  });
});
