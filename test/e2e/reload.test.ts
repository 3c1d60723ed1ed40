// SIGHUP on the compiled executable: other settings without a stop, and what runs ends as it began.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { serveOpenAICompatibleEmulator } from "../../src/emulator/openai-compatible-emulator.ts";
import { parseTyped, postMessage, readMessages, readTyped } from "../http/typed-client.ts";
import { eventually } from "../support/binary.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { readSlowly } from "./slow-reader.ts";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(30_000);

const refused = "Cannot use the settings";
const keyed = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
const chat = (content: string, more: object = {}) => ({ messages: [{ role: "user", content }], ...more });

async function openStream(stage: Stage, content: string, init = {}) {
  return readSlowly(await stage.post("/v1/chat/completions", chat(content, { stream: true }), init));
}

async function gate(stage: Stage, name: string, chunks: readonly string[] = ["begun", " and", " ended"]) {
  await stage.emulator.script({ match: name, gate: name, reply: { chunks: [...chunks] } });
  await stage.emulator.release(name, 2);
}

describe("what runs", () => {
  test("streams and whole answers end whole while keys, origins and limits change under them", async () => {
    await using stage = await startStage({ settings: { API_KEY: "first-key" } });
    for (const name of ["one", "two", "whole"]) await gate(stage, name);
    const readers = [
      await openStream(stage, "one", keyed("first-key")),
      await openStream(stage, "two", keyed("first-key")),
    ];
    await Promise.all(readers.map((reader) => reader.until("begun")));
    const whole = stage.post("/v1/chat/completions", chat("whole"), keyed("first-key"));
    await stage.emulator.until(
      (all) => all.filter(({ on, status }) => on === "completions" && status === 200).length === 3,
    );

    const line = await stage.reload({
      API_KEY: "second-key",
      CORS_ORIGIN: "https://app.example.com",
      MAX_STREAMS: "3",
    });
    const old = await stage.post("/v1/chat/completions", chat("hello"), keyed("first-key"));
    const preflight = await fetch(`${stage.gateway.url}/v1/models`, {
      method: "OPTIONS",
      headers: { origin: "https://app.example.com", "access-control-request-method": "GET" },
    });
    // Those of the former settings count.
    const full = await stage.post("/v1/chat/completions", chat("hello"), keyed("second-key"));
    for (const name of ["one", "two", "whole"]) await stage.emulator.release(name, "all");
    const streams = (await Promise.all(readers.map((reader) => reader.rest()))).map(parseChatStream);
    const completion: unknown = await (await whole).json();
    const fresh = await stage.post("/v1/chat/completions", chat("Say hello"), keyed("second-key"));

    expect(JSON.parse(line)).toMatchObject({ changed: "API_KEY, CORS_ORIGIN, MAX_STREAMS" });
    expect(line).not.toContain("second-key");
    expect(old.status).toBe(401);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
    expect(full.status).toBe(503);
    for (const { text, finishReasons, doneCount, error } of streams) {
      expect({ text, finishReasons, doneCount, error }).toEqual({
        text: "begun and ended",
        finishReasons: ["stop"],
        doneCount: 1,
        error: undefined,
      });
    }
    expect(completion).toMatchObject({ choices: [{ message: { content: "begun and ended" } }] });
    expect(fresh.status).toBe(200);
  });

  test("a turn that ends after a reload is continued in its chat [R0-024]", async () => {
    await using stage = await startStage({ settings: { LOG_LEVEL: "info" } });
    await gate(stage, "first words");
    const reader = await openStream(stage, "first words");
    await reader.until("begun");
    await stage.reload({ LOG_LEVEL: "debug" });
    await stage.emulator.release("first words", "all");
    const { text } = parseChatStream(await reader.rest());
    const messages = [
      ...chat("first words").messages,
      { role: "assistant", content: text },
      ...chat("Say again").messages,
    ];
    await (await stage.post("/v1/chat/completions", { messages })).text();

    const [first, second] = await stage.emulator.turns();
    expect(second).toMatchObject({ chatId: first!.chatId, parentId: first!.responseId! });
    expect(stage.gateway.errors.some((line) => line.includes('"level":"debug"'))).toBe(true);
  });

  test("turns of one session keep their order over a reload", async () => {
    await using stage = await startStage({ settings: {} });
    await gate(stage, "running");
    const thin = (content: string) => chat(content, { session_id: "thin", stream: true });
    const first = await readSlowly(await stage.post("/v1/chat/completions", thin("running")));
    await first.until("begun");
    await stage.reload({ STREAM_USAGE: "always" });
    const second = stage.post("/v1/chat/completions", thin("Say waited"));
    // Answered behind it: the gateway has read the waiting request by then.
    await stage.get("/health");
    expect(await stage.emulator.turns()).toHaveLength(1);
    await stage.emulator.release("running", "all");
    await first.rest();
    await (await second).text();

    const [one, two] = await stage.emulator.turns();
    expect(two).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId! });
  });

  test("an answer of the typed chat goes on through its later steps, and is read on by whoever comes back [R3-070]", async () => {
    await using stage = await startStage({ settings: { SSE_KEEPALIVE_MS: "15000" } });
    await gate(stage, "typed words");
    await stage.emulator.script({ match: "JSON array", reply: { text: '["Why?", "When?"]' } });
    const response = await postMessage(stage, {
      message: "typed words",
      session_id: "s1",
      resumable: true,
      options: { quality: false },
    });
    const streamId = response.headers.get("x-stream-id") ?? "";
    const reader = await readSlowly(response);
    await reader.until("begun");
    await stage.reload({ SSE_KEEPALIVE_MS: "10000" });
    const second = stage.get(`/api/chat/stream/${streamId}`).then(readTyped);
    await stage.emulator.release("typed words", "all");
    const frames = parseTyped(await reader.rest());
    const again = await second;

    expect(again).toMatchObject({ isDone: true, text: "begun and ended", error: undefined });
    expect(again.frames).toEqual(frames);
    expect(frames.some(({ event }) => JSON.stringify(event).includes("Why?"))).toBe(true);
    expect((await readMessages(stage, "s1")).at(-1)).toMatchObject({ status: "complete", content: "begun and ended" });
  });

  test("a response in the background is polled and stopped after a reload", async () => {
    await using stage = await startStage({ settings: {} });
    await gate(stage, "background words");
    const begin = async () =>
      (await (
        await stage.post("/v1/responses", { model: "qwen3-max", input: "background words", background: true })
      ).json()) as { id: string };
    const read = async (id: string) => (await (await stage.get(`/v1/responses/${id}`)).json()) as { status: string };
    const { id } = await begin();
    await stage.emulator.until((all) => all.some(({ on, status }) => on === "completions" && status === 200));
    await stage.reload({ DEFAULT_MODEL: "qwen3-coder" });
    expect(await read(id)).toMatchObject({ status: "in_progress" });
    await stage.emulator.release("background words", "all");

    const ended = await eventually(
      async () => ((await read(id)).status === "completed" ? read(id) : undefined),
      () => "the end of the response",
    );
    expect(JSON.stringify(ended)).toContain("begun and ended");
  });

  test("a stream without an end is ended, so that its reader comes back to the new settings", async () => {
    await using stage = await startStage({ settings: {} });
    const feed = await readSlowly(await stage.get("/admin/api/log"));
    await stage.reload({ LOG_LEVEL: "debug" });

    await feed.rest();
    expect((await stage.get("/health")).status).toBe(200);
  });

  test("SIGTERM while the former settings still end a reply: it may end, exit code 0 [R2-061]", async () => {
    await using stage = await startStage({ settings: {} });
    await gate(stage, "former");
    await gate(stage, "present");
    const former = await openStream(stage, "former");
    await former.until("begun");
    await stage.reload({ STREAM_USAGE: "always" });
    const present = await openStream(stage, "present");
    await present.until("begun");
    stage.gateway.kill("SIGTERM");
    await stage.gateway.line((line) => line.includes("Stopping"));
    for (const name of ["former", "present"]) await stage.emulator.release(name, "all");

    for (const reader of [former, present]) {
      expect(parseChatStream(await reader.rest())).toMatchObject({ text: "begun and ended", doneCount: 1 });
    }
    expect(await stage.gateway.exited).toBe(0);
  });

  test("SIGTERM with DRAIN_TIMEOUT_MS cuts what the former settings still run, with a typed error", async () => {
    await using stage = await startStage({ settings: {}, environment: { DRAIN_TIMEOUT_MS: "100" } });
    await gate(stage, "former");
    const former = await openStream(stage, "former");
    await former.until("begun");
    await stage.reload({ STREAM_USAGE: "always" });
    stage.gateway.kill("SIGTERM");

    expect(parseChatStream(await former.rest()).error).toMatchObject({ code: "overloaded" });
    expect(await stage.gateway.exited).toBe(0);
  });
});

describe("other settings", () => {
  test("an account and an upstream that are added serve, one that is taken away does not", async () => {
    await using stage = await startStage({ settings: {} });
    const other = serveOpenAICompatibleEmulator({
      hostname: "127.0.0.1",
      port: 0,
      seed: 1,
      tokenDelayMs: 0,
      dialect: "vllm",
    });
    const models = async () => JSON.stringify(await (await stage.get("/v1/models")).json());
    const accounts = async () => JSON.stringify(await (await stage.get("/health/detailed")).json());
    const added = {
      QWEN_ACCOUNTS: '[{"alias":"work","token":"work-token"}]',
      UPSTREAMS: JSON.stringify([{ name: "ours", dialect: "vllm", base_url: `${other.url}/v1` }]),
      MODEL_ROUTES: '{"our-model":"ours/"}',
    };
    expect(await models()).not.toContain("Qwen3.6-27B");
    const line = await stage.reload(added);

    expect(JSON.parse(line)).toMatchObject({ changed: "QWEN_ACCOUNTS, UPSTREAMS, MODEL_ROUTES" });
    expect(await models()).toContain("Qwen/Qwen3.6-27B");
    expect(await accounts()).toContain('"alias":"work"');
    const answer = await stage.post("/v1/chat/completions", chat("hello", { model: "our-model" }));
    expect(answer.headers.get("x-upstream")).toBe("ours");
    await answer.text();
    await stage.reload({});
    expect(await models()).not.toContain("Qwen3.6-27B");
    expect(await accounts()).not.toContain('"alias":"work"');
    await other.stop();
  });

  test("what only a restart can change is named, and the rest is applied", async () => {
    await using stage = await startStage({ settings: { LOG_LEVEL: "info" } });
    const line = await stage.reload({ HOST: "localhost", LOG_LEVEL: "warn" }, "stay as they were");

    expect(JSON.parse(line)).toMatchObject({ level: "warn", settings: "HOST" });
    expect(await (await stage.get("/health/detailed")).json()).toMatchObject({
      config: { HOST: "127.0.0.1", LOG_LEVEL: "warn" },
    });
  });

  test.each([
    { what: "a value out of range", settings: { MAX_STREAMS: "-1", API_KEY: "other" }, says: "MAX_STREAMS" },
    {
      what: "a tool server without its variable",
      settings: { MCP_SERVERS: '{"a":{"command":"\\u0024{NO_SUCH_NAME}"}}', API_KEY: "other" },
      says: "NO_SUCH_NAME",
    },
    { what: "an upstream that is none", settings: { UPSTREAMS: '[{"name":"a"}]', API_KEY: "other" }, says: '"a"' },
  ])("$what: everything stays as it was, and one line says why", async ({ settings, says }) => {
    await using stage = await startStage({ settings: { API_KEY: "kept" } });
    await gate(stage, "kept words");
    const reader = await openStream(stage, "kept words", keyed("kept"));
    const line = await stage.reload(settings, refused);
    await stage.emulator.release("kept words", "all");

    expect(JSON.parse(line)).toMatchObject({ level: "error", reason: expect.stringContaining(says) });
    expect((await stage.get("/v1/models", keyed("kept").headers)).status).toBe(200);
    expect((await stage.get("/v1/models", keyed("other").headers)).status).toBe(401);
    expect(parseChatStream(await reader.rest())).toMatchObject({ text: "begun and ended", doneCount: 1 });
  });

  test("without its last key a gateway that others can reach keeps it", async () => {
    await using stage = await startStage({ settings: { API_KEY: "kept" }, environment: { HOST: "0.0.0.0" } });
    const line = await stage.reload({}, refused);

    expect(line).toContain("API_KEY");
    expect((await stage.get("/v1/models")).status).toBe(401);
  });
});

test("reloads one after another under load lose no request, and leave nothing open", async () => {
  await using stage = await startStage({ settings: { LOG_LEVEL: "info" } });
  const open = () => readdirSync(`/proc/${stage.gateway.pid}/fd`).length;
  const residentKb = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${stage.gateway.pid}/status`, "utf8"))?.[1]);
  let isOver = false;
  const outcomes: string[] = [];
  const talk = async (): Promise<void> => {
    while (!isOver) {
      const response = await stage.post("/v1/chat/completions", chat("Say hello", { stream: true }));
      const { text, doneCount } = parseChatStream(await response.text());
      outcomes.push(`${response.status} ${text} ${doneCount}`);
    }
  };
  const talkers = Array.from({ length: 4 }, talk);
  for (let round = 0; round < 100; round++) await stage.reload({ MAX_MESSAGES: String(1000 + round) });
  const [openBefore, residentBefore] = [open(), residentKb()];
  for (let round = 0; round < 250; round++) await stage.reload({ MAX_MESSAGES: String(2000 + round) });
  const grownKb = residentKb() - residentBefore;
  isOver = true;
  await Promise.all(talkers);

  expect(new Set(outcomes)).toEqual(new Set(["200 hello 1"]));
  expect(open()).toBeLessThanOrEqual(openBefore + 8);
  // What settings make is a quarter of a megabyte.
  expect(grownKb).toBeLessThan(45_000);
});

describe("tool servers", () => {
  const script = join(import.meta.dir, "../../node_modules/@modelcontextprotocol/server-everything/dist/index.js");
  const server = { everything: { command: process.execPath, args: [script] } };
  /** Processes of the gateway's tool servers. */
  const children = (stage: Stage): string[] =>
    readdirSync("/proc").filter((pid) => {
      try {
        const parent = /^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
        return Number(parent) === stage.gateway.pid;
      } catch {
        return false;
      }
    });

  test("what does not concern the agent leaves their processes; other servers end them and begin anew", async () => {
    const settings = { AGENT_OPEN: "true", MCP_SERVERS: JSON.stringify(server) };
    await using stage = await startStage({ settings });
    const services = async () => JSON.stringify(await (await stage.get("/api/agent/capabilities")).json());
    expect(await services()).toContain("everything");
    const before = children(stage);
    expect(before).toHaveLength(1);
    await stage.reload({ ...settings, MAX_STREAMS: "7" });
    expect(await services()).toContain("everything");
    expect(children(stage)).toEqual(before);
    await stage.reload({ ...settings, MCP_SERVERS: JSON.stringify({ other: server.everything }) });

    expect(await services()).toContain("other");
    const after = await eventually(
      async () => (children(stage).some((pid) => before.includes(pid)) ? undefined : children(stage)),
      () => "the end of the former tool server",
    );
    expect(after).toHaveLength(1);
  });
});

test.skipIf(process.platform !== "linux")("a terminal that closes ends the gateway in good order", async () => {
  await using stage = await startStage({ settings: {} });
  await using terminal = new Bun.Terminal({ cols: 80, rows: 24 });
  const log = join(stage.place.folder, "log");
  // A session of its own, as a terminal's shell has it.
  const child = Bun.spawn(
    ["setsid", "--ctty", "--wait", "sh", "-c", `exec "${stage.place.executable}" serve --port 0 2>"${log}"`],
    {
      env: { PATH: process.env["PATH"] ?? "", HOME: stage.place.home, DATA_DIR: join(stage.place.home, "other") },
      terminal,
    },
  );
  const logged = async (words: string) =>
    eventually(
      async () =>
        (
          await Bun.file(log)
            .text()
            .catch(() => "")
        ).includes(words)
          ? true
          : undefined,
      () => `"${words}" in the log`,
    );
  await logged("built-in emulator");
  terminal.close();
  await logged('"signal":"SIGHUP"');

  expect(await child.exited).toBe(0);
});
