// Captured exchanges: byte for byte on every lane, without credentials, and played again.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explainCapture } from "../../src/capture/explain.ts";
import type { CaptureFile } from "../../src/capture/format.ts";
import { serveRecorded } from "../../src/emulator/serve-recorded.ts";
import { callsTo, capturedBody, capturesOf, readAll } from "../support/captures.ts";
import { type Play, serveCompatible } from "../support/fake-compatible-server.ts";
import { chunks, endings, refusalRows } from "../support/fault-tables.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { chunk, failing, modelsRoute, saying } from "../support/several-upstreams.ts";
import { bodyOf, untilIdle, user } from "./client.ts";
import { postMessage } from "./typed-client.ts";

interface Stage extends AsyncDisposable {
  readonly folder: string;
  readonly harness: Harness;
}

async function start(environment: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const base = mkdtempSync(join(tmpdir(), "qwen-gateway-captures-"));
  const folder = join(base, "captures");
  const harness = await startHarness({ environment: { CAPTURE_DIR: folder, ...environment } });
  return {
    folder,
    harness,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

async function startOwn(plays: readonly Play[], environment: Readonly<Record<string, string>> = {}) {
  const server = serveCompatible(plays, modelsRoute("local"));
  const upstreams = JSON.stringify([
    { name: "one", dialect: "vllm", base_url: server.url, api_keys: ["key-of-the-server-itself"] },
  ]);
  const stage = await start({ UPSTREAMS: upstreams, ...environment });
  return {
    ...stage,
    server,
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const chatPath = "/v1/chat/completions";
const hello = { model: "qwen3-max", stream: true, messages: [user("Say: héllo wörld 你好")] };
const local = { model: "local", stream: true, stream_options: { include_usage: true }, messages: [user("Hello")] };

async function captured(folder: string, path = chatPath): Promise<CaptureFile> {
  const [capture] = await capturesOf(folder, path);
  return capture!.file;
}

/** Ids and times are made anew for each answer. */
const withoutIds = (text: string): string =>
  text.replaceAll(/"(?:id|response_id)":"[^"]*"/g, '"id":""').replaceAll(/"created":\d+/g, '"created":0');

describe("both sides, byte for byte", () => {
  test("of a stream of the web backend", async () => {
    await using stage = await start();
    const written = JSON.stringify(hello);

    const answer = await bodyOf(await stage.harness.post(chatPath, written));

    const file = await captured(stage.folder);
    expect(capturedBody(file, "request")).toBe(written);
    expect(capturedBody(file, "answer")).toBe(answer);
    const [call] = callsTo(file, "/api/v2/chat/completions");
    expect(capturedBody(file, "request", call)).toContain("héllo wörld 你好");
    expect(capturedBody(file, "answer", call)).toStartWith('data: {"response.created"');
    expect(file.lines.at(-1)).toMatchObject({ type: "close", why: "ended" });
  });

  test("of a whole answer of the web backend, whose length is told as ever", async () => {
    await using stage = await start();

    const response = await stage.harness.chat({ ...hello, stream: false });
    const answer = await bodyOf(response);

    expect(response.headers.get("content-length")).toBe(String(Buffer.byteLength(answer)));
    expect(capturedBody(await captured(stage.folder), "answer")).toBe(answer);
  });

  test.each(["socket", "fetch"])("of a stream that is passed on, by TRANSPORT=%s", async (transport) => {
    const play = saying("Good day");
    await using stage = await startOwn([play], { TRANSPORT: transport });

    const answer = await bodyOf(await stage.harness.chat(local));

    const file = await captured(stage.folder);
    expect(answer).toBe(String(play.body));
    expect(capturedBody(file, "answer")).toBe(answer);
    expect(capturedBody(file, "answer", 1)).toBe(answer);
    expect(capturedBody(file, "request", 1)).toBe(Buffer.from(stage.server.completions[0]!.bytes).toString());
  });

  test("of a stream and of a whole answer in another protocol", async () => {
    const play = saying("Good day");
    await using stage = await startOwn([play]);
    const request = { model: "local", max_tokens: 100, messages: [user("Hello")] };

    const stream = await bodyOf(await stage.harness.post("/v1/messages", { ...request, stream: true }));
    const whole = await bodyOf(await stage.harness.post("/v1/messages", request));

    const files = await capturesOf(stage.folder, "/v1/messages", 2);
    expect(files.map(({ file }) => capturedBody(file, "answer")).sort()).toEqual([stream, whole].sort());
    for (const { file } of files) expect(capturedBody(file, "answer", 1)).toBe(String(play.body));
  });

  test("of a forwarded request, and its answer's type", async () => {
    const vectors = JSON.stringify({ object: "list", data: [{ object: "embedding", index: 0, embedding: [0.5] }] });
    const server = serveCompatible([], { ...modelsRoute("local"), "/v1/embeddings": { body: vectors } });
    await using _ = server;
    const upstreams = JSON.stringify([{ name: "one", dialect: "vllm", base_url: server.url }]);
    await using stage = await start({ UPSTREAMS: upstreams });

    const answer = await bodyOf(await stage.harness.post("/v1/embeddings", { model: "local", input: "a" }));

    const file = await captured(stage.folder, "/v1/embeddings");
    expect(capturedBody(file, "answer")).toBe(answer);
    expect(capturedBody(file, "answer", callsTo(file, "/embeddings")[0])).toBe(vectors);
  });

  test("of an error before the first byte, with each attempt", async () => {
    await using stage = await startOwn([failing], { RETRY_MAX_ATTEMPTS: "2" });

    const response = await stage.harness.chat(local);
    const answer = await response.text();

    const file = await captured(stage.folder);
    expect(capturedBody(file, "answer")).toBe(answer);
    expect(file.lines).toContainEqual(expect.objectContaining({ type: "answer", status: response.status }));
    expect(callsTo(file, "/chat/completions")).toEqual([1, 2]);
    expect(capturedBody(file, "answer", 2)).toBe(String(failing.body));
  });

  test("of a client that hangs up, with the call that stops the generation", async () => {
    await using stage = await start();
    const { harness, folder } = stage;
    harness.emulator.script({ gate: "held", reply: { text: "one two three four five six" } });
    harness.emulator.release("held", 2);
    const controller = new AbortController();
    const live = readLive(await harness.chat(hello, { signal: controller.signal }));
    await live.nextText();
    controller.abort();
    await untilIdle(harness);

    const file = await captured(folder);

    expect(file.lines).toContainEqual(
      expect.objectContaining({ type: "end", of: "answer", how: "given-up", atMs: expect.any(Number) }),
    );
    expect(callsTo(file, "/stop")).toHaveLength(1);
  });

  test("of a client that hangs up before a whole answer, with the call that stops the generation", async () => {
    await using stage = await start();
    const { harness, folder } = stage;
    harness.emulator.script({ gate: "held", reply: { text: "one two three four five six" } });
    harness.emulator.release("held", 2);
    const controller = new AbortController();
    const answer = harness.chat({ ...hello, stream: false }, { signal: controller.signal }).catch(() => undefined);
    await harness.emulator.until((requests) =>
      requests.some(({ on, eventsDelivered }) => on === "completions" && eventsDelivered >= 2),
    );
    controller.abort();
    await answer;
    // What had not begun is stopped after the exchange is over.
    await harness.emulator.until((requests) => requests.some(({ on, status }) => on === "stop" && status !== 0));

    expect(callsTo(await captured(folder), "/stop")).toHaveLength(1);
  });

  test("of a message of the typed chat, with all calls of its steps", async () => {
    await using stage = await start();

    const answer = await (await postMessage(stage.harness, { message: "Say: good day" })).text();

    const file = await captured(stage.folder, "/api/chat/stream");
    expect(capturedBody(file, "answer")).toBe(answer);
    expect(callsTo(file, "/api/v2/chat/completions").length).toBeGreaterThan(0);
  });

  test("of exchanges that run at the same time, each in its own file", async () => {
    await using stage = await start();
    const words = Array.from({ length: 12 }, (_, index) => `word-${index}-end`);

    const answers = await Promise.all(
      words.map(async (word) => bodyOf(await stage.harness.chat({ ...hello, messages: [user(`Say: ${word}`)] }))),
    );

    const files = await capturesOf(stage.folder, chatPath, words.length);
    for (const [index, word] of words.entries()) {
      const mine = files.find(({ file }) => capturedBody(file, "request").includes(word))!;
      expect(capturedBody(mine.file, "answer")).toBe(answers[index]!);
      const others = words.filter((other) => other !== word);
      expect(others.filter((other) => mine.text.includes(other))).toEqual([]);
    }
  });
});

describe("files", () => {
  test("are their owner's alone, and a full folder loses the oldest", async () => {
    await using stage = await start({ CAPTURE_MAX_BYTES: "30000" });
    for (let turn = 0; turn < 12; turn++) await bodyOf(await stage.harness.chat(hello));
    await stage.harness.restart();

    const files = readAll(stage.folder);

    expect(files.length).toBeGreaterThan(0);
    expect(files.length).toBeLessThan(12);
    const sizes = files.map(({ path }) => statSync(path).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(30_000);
    for (const { path } of files) expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(stage.folder).mode & 0o777).toBe(0o700);
  });

  test("are cut at the limit of an exchange, say so, and the client's bytes are whole", async () => {
    const long = "x".repeat(50_000);
    await using stage = await startOwn([saying(long)], { CAPTURE_MAX_EXCHANGE_BYTES: "20000" });

    const answer = await bodyOf(await stage.harness.chat(local));

    const file = await captured(stage.folder);
    expect(answer).toContain(long);
    const cuts = file.lines.filter((line) => line.type === "cut");
    expect(cuts.length).toBeGreaterThan(0);
    for (const cut of cuts) expect(cut).toMatchObject({ of: "answer", chunks: expect.any(Number) });
    const told = explainCapture(file).join("\n");
    expect(told).toContain("are not in this file");
    expect(told).toContain("the capture is not whole");
  });

  test("are not written for the gateway's own looks, nor for callers that may not come in", async () => {
    await using stage = await start({ API_KEY: "key-of-the-gateway-0" });
    await stage.harness.get("/health");
    await stage.harness.get("/metrics");
    expect((await stage.harness.chat(hello)).status).toBe(401);
    await bodyOf(await stage.harness.chat(hello, { headers: { authorization: "Bearer key-of-the-gateway-0" } }));
    await stage.harness.restart();

    expect(readAll(stage.folder)).toHaveLength(1);
  });

  test("that a killed gateway left unfinished go, and nothing else does", async () => {
    await using stage = await start();
    const old = join(stage.folder, "20260101T000000000Z-req_1.jsonl.part");
    const [young, strange] = [old.replace("req_1", "req_2"), join(stage.folder, "mine.part")];
    for (const path of [old, young, strange]) writeFileSync(path, "{");
    for (const path of [old, strange]) utimesSync(path, 1, 1);

    await stage.harness.restart();

    expect([old, young, strange].map((path) => existsSync(path))).toEqual([false, true, true]);
  });

  test("come again where their folder was deleted", async () => {
    await using stage = await start();
    rmSync(stage.folder, { recursive: true });

    await bodyOf(await stage.harness.chat(hello));

    expect(await capturesOf(stage.folder, chatPath)).toHaveLength(1);
  });

  test("no disk, no harm: one warning a start, and answers as ever", async () => {
    const base = mkdtempSync(join(tmpdir(), "qwen-gateway-captures-"));
    writeFileSync(join(base, "file"), "");
    await using stage = await start({ CAPTURE_DIR: join(base, "file", "below") });

    await bodyOf(await stage.harness.chat(hello));
    expect(await bodyOf(await stage.harness.chat(hello))).toContain("[DONE]");
    await stage.harness.restart();

    expect(stage.harness.logLines.filter((line) => line.includes("Cannot write captures"))).toHaveLength(2);
    rmSync(base, { recursive: true });
  });
});

describe("what is secret", () => {
  test("stands in no capture: keys, tokens, cookies, and what a server says of them", async () => {
    const secrets = ["key-of-the-gateway-0", "key-of-the-server-itself", "sk-0123456789abcdef0123"];
    const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";
    const echo = { status: 401, body: JSON.stringify({ error: { message: `Bad key ${secrets[1]}, ${token}` } }) };
    await using stage = await startOwn([echo], { API_KEY: secrets[0]!, RETRY_MAX_ATTEMPTS: "1" });
    const headers = {
      authorization: `Bearer ${secrets[0]}`,
      cookie: "session=0123456789",
      "x-forwarded-for": "10.9.8.7",
    };
    const messages = [user(`My key is ${secrets[2]} and ${token}`)];

    await (
      await stage.harness.post(`${chatPath}?api_key=${secrets[2]}&n=1`, { ...local, messages }, { headers })
    ).text();

    const [capture] = await capturesOf(stage.folder, `${chatPath}?api_key=[redacted]&n=1`);
    for (const secret of [...secrets, token, "session=0123456789", "10.9.8.7"])
      expect(capture!.text).not.toContain(secret);
    expect(capture!.text).toContain("My key is ***");
    expect(callsTo(capture!.file, "/chat/completions")).toHaveLength(1);
  });

  test("a token of the account, and the leave to upload a file, stand in no capture", async () => {
    const token = "token-of-the-account-itself";
    await using stage = await start({ QWEN_TOKEN: token, QWEN_MAX_MESSAGE_CHARS: "2000" });

    await bodyOf(await stage.harness.chat({ ...hello, messages: [user("long ".repeat(2000))] }));

    const [capture] = await capturesOf(stage.folder, chatPath);
    expect(callsTo(capture!.file, "/api/v2/files/getstsToken")).toHaveLength(1);
    expect(capture!.text).not.toContain(token);
    const leave = JSON.parse(capturedBody(capture!.file, "answer", callsTo(capture!.file, "/getstsToken")[0]));
    for (const name of ["access_key_id", "access_key_secret", "security_token"]) {
      expect(leave.data[name]).toMatch(/^\*+$/);
    }
  });
});

describe("over every fault of the web backend", () => {
  const secrets = { API_KEY: "key-of-the-gateway-0", QWEN_TOKEN: "token-of-the-account-itself" };
  /** An account that was refused serves the next row all the same. */
  const patient = {
    ACCOUNT_COOLDOWN_MAX_MS: "1",
    ACCOUNT_CHALLENGE_MS: "1",
    ACCOUNT_SIGN_IN_MS: "1",
    ACCOUNT_BUSY_MS: "1",
    BREAKER_OPEN_MS: "1",
    RETRY_MAX_ATTEMPTS: "2",
    FIRST_BYTE_TIMEOUT_MS: "500",
    STALL_TIMEOUT_MS: "300",
    REPLY_TIMEOUT_MS: "1000",
  };
  const cookies = "token=cookie-token-of-the-account; ssxmod_itna=cookie-of-the-browser-itself";

  test("captures hold no credential, the client's bytes, and a timeline can be told of each", async () => {
    await using stage = await start({
      ...secrets,
      QWEN_COOKIES: cookies,
      ...patient,
    });
    const { harness, folder } = stage;
    const headers = { authorization: `Bearer ${secrets.API_KEY}` };
    const answers: string[] = [];
    for (const { script } of refusalRows) {
      harness.emulator.reset();
      harness.emulator.script(script, script);
      answers.push(await (await harness.chat(hello, { headers })).text());
    }
    for (const { fault } of endings) {
      harness.emulator.reset();
      harness.emulator.script({ reply: { chunks, faults: [fault] } });
      answers.push(await (await harness.chat(hello, { headers })).text());
    }

    const captures = await capturesOf(folder, chatPath, answers.length);

    // Two of one millisecond stand in no order.
    expect(captures.map(({ file }) => capturedBody(file, "answer")).sort()).toEqual(answers.sort());
    for (const { text, file } of captures) {
      for (const secret of [...Object.values(secrets), "cookie-token", "cookie-of-the-browser"]) {
        expect(text).not.toContain(secret);
      }
      expect(explainCapture(file).at(-1)).toMatch(/^outcome |^\d+ calls? to upstreams/);
    }
  }, 30_000);
});

describe("one session", () => {
  test("is captured while it is asked for, and nothing else", async () => {
    await using harness = await startHarness();
    const { capture } = harness.app;
    await capture.watchSession("wanted", 60_000);
    expect(capture.watchedSessions()).toEqual([{ sessionId: "wanted", untilMs: expect.any(Number) }]);

    await bodyOf(await harness.chat(hello, { headers: { "x-session-id": "other" } }));
    const answer = await bodyOf(await harness.chat(hello, { headers: { "x-session-id": "wanted" } }));
    const [only] = await capturesOf(capture.directory, chatPath);
    expect(capture.unwatchSession("wanted")).toBe(true);
    expect(capture.recorder).toBeUndefined();
    await bodyOf(await harness.chat(hello, { headers: { "x-session-id": "wanted" } }));
    await harness.restart();

    expect(capturedBody(only!.file, "answer")).toBe(answer);
    expect(readAll(capture.directory)).toHaveLength(1);
  });
});

describe("played again", () => {
  test("a capture of the web backend gives the client the same bytes", async () => {
    await using stage = await start();
    const answer = await bodyOf(await stage.harness.chat(hello));
    const served = serveRecorded({ hostname: "127.0.0.1", port: 0, file: await captured(stage.folder), speed: 0 });
    expect(served.settings).toEqual([
      `QWEN_BASE_URL=${served.url} QWEN_AUTH_URL=${served.url} QWEN_UPLOAD_URL=${served.url} QWEN_TOKEN=replayed`,
    ]);
    await using second = await startHarness({ environment: { QWEN_BASE_URL: served.url } });

    const again = await bodyOf(await second.chat(hello));

    expect(withoutIds(again)).toBe(withoutIds(answer));
    await served.stop();
  });

  test("a capture of a server of OpenAI's protocol gives the same bytes, streamed and whole", async () => {
    const play = saying("Good day");
    await using stage = await startOwn([play]);
    const answer = await bodyOf(await stage.harness.chat(local));
    const served = serveRecorded({ hostname: "127.0.0.1", port: 0, file: await captured(stage.folder), speed: 0 });
    expect(served.settings).toEqual([`UPSTREAM_BASE_URL=${served.url}/v1 UPSTREAM_API_KEY=replayed`]);
    await using second = await startHarness({
      environment: { QWEN_TOKEN: "", QWEN_BASE_URL: "https://chat.qwen.ai", UPSTREAM_BASE_URL: `${served.url}/v1` },
    });

    expect(await bodyOf(await second.chat(local))).toBe(answer);
    await served.stop();
  });

  test("a failure is played again: attempts, statuses, and a connection that breaks", async () => {
    const broken: Play = { body: chunk({ content: "half" }), after: "break" };
    await using stage = await startOwn([failing, broken], { RETRY_MAX_ATTEMPTS: "2" });
    const answer = await bodyOf(await stage.harness.chat(local));
    expect(answer).toContain("half");
    const file = await captured(stage.folder);
    const served = serveRecorded({ hostname: "127.0.0.1", port: 0, file, speed: 0 });
    const upstreams = JSON.stringify([{ name: "one", dialect: "vllm", base_url: `${served.url}/v1` }]);
    await using second = await startHarness({ environment: { UPSTREAMS: upstreams, RETRY_MAX_ATTEMPTS: "2" } });

    expect(await bodyOf(await second.chat(local))).toBe(answer);
    await served.stop();
  });
});

describe("explained", () => {
  test("who said what: requests, attempts, chunks, tokens and the end", async () => {
    await using stage = await startOwn([failing, saying("Good day")], { RETRY_MAX_ATTEMPTS: "2" });
    await bodyOf(await stage.harness.chat(local));

    const told = explainCapture(await captured(stage.folder)).join("\n");

    expect(told).toMatch(/ client +POST \/v1\/chat\/completions/);
    expect(told).toMatch(/ gateway +asks one: POST http:\S+\/chat\/completions \[call 1\]/);
    expect(told).toMatch(/ one +answers 500 application\/json \[call 1\]/);
    expect(told).toContain("Asking the upstream once more");
    expect(told).toMatch(/ one +first bytes \[call 2\]/);
    expect(told).toMatch(/2 calls to upstreams, 0 failed; the client was answered 200\./);
    expect(told).toMatch(
      /outcome complete, attempts 2, firstTokenMs \d+, totalMs \d+, inputTokens 5, outputTokens 2\./,
    );
  });
});
