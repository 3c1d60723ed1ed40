// The gateway inside a program: the binary's app, driven by function calls, over the emulator as its network.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createQwenWebEmulator, type QwenWebEmulator } from "../../../src/emulator/qwen-web-emulator.ts";
import * as library from "../../../src/library.ts";
import { callerOfKey } from "../../../src/server/auth/api-keys.ts";
import { createLog } from "../../../src/telemetry/create-log.ts";
import { parseChatStream } from "../../support/sse-frames.ts";

const { embed, SSEHandler } = library;
const hello = { messages: [{ role: "user", content: "Hello" }] };
const helloId = "8b1a9953c4611296a827abf8c47804d7";
const silent = { LOG_LEVEL: "silent", RETRY_MAX_ATTEMPTS: "1" };

interface Started extends AsyncDisposable {
  readonly gateway: library.Embedded;
  readonly emulator: QwenWebEmulator;
  chat(body: unknown): Promise<Response>;
}

async function start(environment: Record<string, string> = {}, options: library.EmbedOptions = {}): Promise<Started> {
  const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0 });
  const gateway = await embed({
    environment: { ...silent, QWEN_TOKEN: "test-token", ...environment },
    fetch: (request) => emulator.fetch(request),
    ...options,
  });
  return {
    gateway,
    emulator,
    chat: (body) => gateway.chatCompletions(post(body)),
    [Symbol.asyncDispose]: () => gateway.shutdown(),
  };
}

function post(body: unknown, url = "http://localhost/v1/chat/completions"): Request {
  return new Request(url, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });
}

describe("embed", () => {
  test("answers whole and streamed requests over what it was given, without a socket [R2-004, R2-067]", async () => {
    await using started = await start();

    const whole = await started.chat(hello);
    const streamed = await started.chat({ ...hello, stream: true });

    expect(whole.status).toBe(200);
    expect(await whole.json()).toMatchObject({ object: "chat.completion", model: "qwen3-max" });
    expect(parseChatStream(await streamed.text())).toMatchObject({ finishReasons: ["stop"], doneCount: 1 });
    expect(started.emulator.requests.filter(({ on }) => on === "completions")).toHaveLength(2);
  });

  test("asks its caller's limit about what acts, before anything is touched, and about nothing else [R4-039]", async () => {
    const asked: string[] = [];
    await using started = await start(
      { API_KEY: "k1" },
      {
        limitActing({ caller, path }) {
          asked.push(path);
          if (asked.length > 1)
            throw new library.GatewayError("rate-limited", `Cannot act at ${path} for ${caller}`, {
              retryAfterMs: 3000,
            });
        },
      },
    );
    const send = (path: string, key: string) => {
      const request = post({ query: "" }, `http://localhost${path}`);
      request.headers.set("authorization", `Bearer ${key}`);
      return started.gateway.handle(request);
    };

    expect((await send("/v1/chat/completions", "k1")).status).toBe(400);
    expect((await send("/api/agent/stream", "wrong")).status).toBe(401);
    expect(asked).toEqual([]);
    expect((await send("/api/agent/stream", "k1")).status).toBe(400);
    const refused = await send("/mcp", "k1");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3"]);
    expect(asked).toEqual(["/api/agent/stream", "/mcp"]);
  });

  test("keeps a history in memory, of each caller what the program says", async () => {
    await using started = await start(
      { HISTORY: "metadata", API_KEY: "k1,k2" },
      { keptOf: (caller) => (caller === callerOfKey("k1") ? "off" : undefined) },
    );
    const ask = async (key: string, path: string, init: RequestInit = {}) => {
      const headers = { authorization: `Bearer ${key}` };
      return started.gateway.handle(new Request(`http://localhost${path}`, { ...init, headers }));
    };
    const chat = (key: string) => ask(key, "/v1/chat/completions", { method: "POST", body: JSON.stringify(hello) });

    for (const key of ["k1", "k2"]) expect((await chat(key)).status).toBe(200);

    expect(await (await ask("k1", "/v1/history")).json()).toMatchObject({ kept: "off", data: [] });
    expect(await (await ask("k2", "/v1/history")).json()).toMatchObject({ kept: "metadata", data: [{ status: 200 }] });
  });

  test("takes settings, network, store and log from its caller alone [R2-004]", async () => {
    const lines: string[] = [];
    const log = createLog({ level: "info", format: "json", write: (line) => void lines.push(line) });
    await using started = await start({ DEFAULT_MODEL: "qwen3-coder-plus" }, { log });

    const answer = await started.chat(hello);

    expect(await answer.json()).toMatchObject({ model: "qwen3-coder-plus" });
    expect(lines.filter((line) => line.includes('"exchange"'))).toHaveLength(1);
  });

  test("shows the sessions of its own requests [R2-005, R2-067]", async () => {
    await using started = await start();
    await (await started.chat(hello)).json();

    const session = await started.gateway.sessionManager.getSession(helloId);

    const [chat] = started.emulator.chats() as { id: string }[];
    expect(session).toMatchObject({ chatId: chat?.id, messageCount: 1, parentId: expect.any(String) });
  });

  test("refuses a wrong body before anything is asked upstream [R2-003, R2-067]", async () => {
    await using started = await start();

    const answer = await started.chat({ messages: [] });

    expect(answer.status).toBe(400);
    expect(started.emulator.requests).toEqual([]);
  });

  test("serves every route of the binary, and each with its methods only [R2-062]", async () => {
    await using started = await start();
    const routes = [
      ["GET", "/health"],
      ["GET", "/health/live"],
      ["GET", "/health/ready"],
      ["GET", "/v1/models"],
      ["GET", "/v1/models/qwen3-max"],
      ["GET", "/v1/sessions"],
      ["POST", "/v1/chat/completions"],
      ["POST", "/v1/completions"],
    ] as const;

    for (const [method, path] of routes) {
      const body = method === "POST" ? JSON.stringify({ ...hello, prompt: "Hello" }) : null;
      const answer = await started.gateway.handle(new Request(`http://localhost${path}`, { method, body }));
      const refused = await started.gateway.handle(new Request(`http://localhost${path}`, { method: "PUT" }));
      expect([path, answer.status, refused.status]).toEqual([path, 200, 405]);
      expect(refused.headers.get("allow")).toContain(method);
    }
  });

  test("answers every failure by one path: JSON of one shape, whatever step failed [R2-052]", async () => {
    await using started = await start();
    started.emulator.script({ refuse: "rate-limited" }, { on: "chats/new", refuse: "internal-error" });
    const failing = [
      post("{"),
      post({ messages: "Hello" }),
      post({ ...hello, model: "no-such-model" }),
      post(hello),
      post(hello),
      new Request("http://localhost/v1/nothing"),
      new Request("http://localhost/v1/sessions/unknown"),
      new Request("http://localhost/v1/models", { method: "DELETE" }),
    ];

    for (const request of failing) {
      const answer = await started.gateway.handle(request);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.headers.get("x-request-id")).toStartWith("req_");
      const { error, ...rest } = (await answer.json()) as { error: object };
      expect(rest).toEqual({});
      expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
    }
  });

  test("judges the fields that surfaces share by one check [R2-063]", async () => {
    await using started = await start();
    const wrong = [{ stream: "yes" }, { max_tokens: 0 }, { model: 3 }, { stream_options: { include_usage: 1 } }];

    for (const fields of wrong) {
      const chat = await started.gateway.handle(post({ ...hello, ...fields }));
      const legacy = await started.gateway.handle(
        post({ prompt: "Hello", ...fields }, "http://localhost/v1/completions"),
      );
      expect([chat.status, legacy.status]).toEqual([400, 400]);
      expect(await chat.json()).toEqual(await legacy.json());
    }
  });

  test("tells of chunks, lines, carry and end when streaming is debugged, and of no secret [R1-026, R1-028]", async () => {
    const lines: string[] = [];
    const log = createLog({ level: "info", format: "json", write: (line) => void lines.push(line) });
    await using started = await start({ DEBUG_STREAMING: "true" }, { log });

    await (await started.chat({ ...hello, stream: true })).text();

    const told = lines
      .map((line): Record<string, unknown> => JSON.parse(line))
      .filter((line) => line["component"] === "stream");
    expect(told.length).toBeGreaterThan(1);
    expect(told[0]).toMatchObject({ bytes: expect.any(Number), lines: expect.any(Number), carry: expect.any(Number) });
    expect(told.at(-1)).toMatchObject({ carry: 0 });
    expect(lines.join("\n")).not.toContain("test-token");
  });

  test("answers by the emulator when no account is configured, its client too", async () => {
    const gateway = await embed({ environment: silent });

    const answer = await gateway.chatCompletions(post(hello));
    const chatId = await gateway.qwenClient.createNewChat();
    const sent = await gateway.qwenClient.sendMessage(
      library.transformToQwenRequest(hello, { chatId, parentId: null }),
    );

    expect(await answer.text()).toContain("emulator");
    expect(await sent.text()).toContain(chatId);
    await gateway.shutdown();
  });

  test("names a wrong setting", async () => {
    await expect(embed({ environment: { PORT: "many" } })).rejects.toThrow('Cannot use PORT "many"');
  });
});

describe("the chain, driven by hand", () => {
  test("creates a chat, streams two turns through the handler, and moves the session on [R0-041, R2-005]", async () => {
    await using started = await start();
    const { qwenClient, sessionManager } = started.gateway;
    const handler = new SSEHandler(qwenClient, sessionManager);
    const created = await sessionManager.createSession("My name is Mira.", await qwenClient.createNewChat());

    async function turn(content: string): Promise<string> {
      const session = (await sessionManager.getSession(created.sessionId))!;
      const payload = library.transformToQwenRequest({ messages: [{ role: "user", content }] }, session);
      const request = new Request("http://localhost/v1/chat/completions", { method: "POST" });
      const completion = handler.streamCompletion(payload, request, session.sessionId);
      const { text } = parseChatStream(await (await completion.response).text());
      await completion;
      return text;
    }
    await turn("My name is Mira.");
    const second = await turn("What is my name?");

    expect(second).toContain("Mira");
    expect(await sessionManager.getSession(created.sessionId)).toMatchObject({ messageCount: 2 });
    const turns = started.emulator.requests.filter(({ on }) => on === "completions");
    expect(turns[1]?.body).toMatchObject({ parent_id: turns[0]?.turn?.responseId });
  });

  test("repeats the creation of a chat that failed in passing", async () => {
    await using started = await start({ RETRY_MAX_ATTEMPTS: "3", RETRY_BASE_DELAY_MS: "1" });
    started.emulator.script({ on: "chats/new", refuse: { name: "http-status", status: 503 }, times: 2 });

    expect(await started.gateway.qwenClient.createNewChat()).toEqual(expect.any(String));
    expect(started.emulator.requests.filter(({ on }) => on === "chats/new")).toHaveLength(3);
  });
});

describe("the package's root", () => {
  const { LOG_LEVEL: logLevel } = process.env;
  beforeAll(() => {
    process.env["LOG_LEVEL"] = "silent";
  });
  afterAll(() => {
    if (logLevel === undefined) delete process.env["LOG_LEVEL"];
    else process.env["LOG_LEVEL"] = logLevel;
  });
  afterEach(() => library.shutdown());

  test("exports every handler by its name [R2-006, R2-067]", () => {
    const names = [
      "SSEChunkHandler",
      "SSEHandler",
      "chatCompletions",
      "createNewChat",
      "createQwenMessage",
      "createSession",
      "embed",
      "extractFirstUserMessage",
      "extractLastMessage",
      "extractParentId",
      "generateSessionId",
      "getQwenClient",
      "getSession",
      "getSessionManager",
      "sendMessage",
      "shutdown",
      "transformToOpenAICompletion",
      "transformToQwenRequest",
      "updateSession",
      "validateChatCompletionRequest",
      "withRetry",
    ];

    const exported = new Map(Object.entries(library));
    for (const name of names) expect(exported.get(name)).toBeFunction();
  });

  test("is what a program gets that imports the package by its name [R2-006]", async () => {
    const byName: typeof library = await import("qwen-gateway");

    expect(Object.keys(byName).sort()).toEqual(Object.keys(library).sort());
  });

  test("shares one gateway among its plain functions until shutdown [R2-005, R2-067]", async () => {
    const manager = await library.getSessionManager();

    expect(await library.getSessionManager()).toBe(manager);
    expect(await library.getQwenClient()).toBe(await library.getQwenClient());
    const { sessionId } = await library.createSession("Hello", "chat-1");
    expect(await library.updateSession(sessionId, "answer-1")).toMatchObject({ parentId: "answer-1" });
    expect(await library.getSession(sessionId)).toMatchObject({ messageCount: 1 });

    await library.shutdown();
    expect(await library.getSession(sessionId)).toBeUndefined();
    expect(await library.getSessionManager()).not.toBe(manager);
  });

  test("shutdown without a gateway does nothing [R2-005]", async () => {
    await library.shutdown();

    expect(await library.shutdown()).toBeUndefined();
  });
});
