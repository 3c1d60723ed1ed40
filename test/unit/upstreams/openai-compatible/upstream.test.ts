// The wing over HTTP: headers, repairs, keys, answers that are no stream, and what it says to the log.

import { describe, expect, test } from "bun:test";
import type { ChatRequest } from "../../../../src/contract/chat-request.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { parseRequest } from "../../../../src/surfaces/openai-chat/parse-request.ts";
import type { Log } from "../../../../src/telemetry/log.ts";
import { dialects } from "../../../../src/upstreams/openai-compatible/dialects/index.ts";
import type { Body } from "../../../../src/upstreams/openai-compatible/dialect.ts";
import type { OpenAICompatibleOptions } from "../../../../src/upstreams/openai-compatible/upstream.ts";
import { chunk, finish, readCompatible, usageChunk } from "../../../support/compatible-recordings.ts";
import { type FakeServer, type Play, serveCompatible } from "../../../support/fake-compatible-server.ts";
import { createTestUpstream, modelsPlay, testKey } from "../../../support/test-dialect.ts";
import { helloRequest, openContext, run, type SeenEvent } from "../../../support/test-upstream.ts";

const stream = (...events: readonly (object | string)[]): Play => ({
  body: events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join(""),
});
const good = stream(chunk({ content: "Hello" }), finish(), "[DONE]");
const refused = (status: number, message: string, code: string | null = null): Play => ({
  status,
  body: JSON.stringify({ error: { message, code } }),
});

const user = { role: "user", content: "Hi" };

function request(fields: object = {}): ChatRequest {
  return parseRequest({ messages: [user], model: "m", ...fields });
}

interface Asked {
  readonly events: readonly SeenEvent[];
  readonly account: string;
}

/** Opens, reads to the end, gives back. */
async function ask(
  server: FakeServer,
  asked: ChatRequest = request(),
  changes: Partial<OpenAICompatibleOptions> = {},
): Promise<Asked> {
  const upstream = createTestUpstream(server, { dialect: dialects.generic, ...changes });
  return askOnce(upstream, asked);
}

async function askOnce(upstream: ReturnType<typeof createTestUpstream>, asked: ChatRequest): Promise<Asked> {
  const reply = await upstream.open(asked, openContext());
  const { events, ended } = run(reply);
  await ended;
  await reply.onEnd("complete");
  return { events, account: reply.account };
}

const textIn = (events: readonly SeenEvent[]) =>
  events.map((event) => (event.type === "text-delta" ? event.text : "")).join("");

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Remembers messages with their fields. */
function createMemoryLog() {
  const lines: string[] = [];
  const note = (message: string, fields: object = {}): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log };
  return { log, lines };
}

describe("a request", () => {
  test("names the model as the server writes it, also where the client has other letters", async () => {
    const unknown = refused(404, "The model does not exist.");
    const models = { body: JSON.stringify({ object: "list", data: [{ id: "Big/Model" }, { id: "a" }, { id: "A" }] }) };
    await using server = serveCompatible([unknown, good, good, unknown], { "/v1/models": models });
    const upstream = createTestUpstream(server, { dialect: dialects.vllm });
    await askOnce(upstream, request({ model: "big/model" }));
    await askOnce(upstream, request({ model: "BIG/model" }));
    // Two that differ in their letters alone are two models.
    expect(await failureOf(askOnce(upstream, request({ model: "a" })))).toBeInstanceOf(GatewayError);

    const asked = server.requests.filter(({ path }) => path.endsWith("/chat/completions"));
    expect(asked.map(({ body }) => body?.["model"])).toEqual(["big/model", "Big/Model", "Big/Model", "a"]);
  });

  test("is given up with its client while the list of models is silent", async () => {
    const client = new AbortController();
    const left = new Error("the client has left");
    const silent: Play = {
      body: "",
      // It is looked at when the list is asked for.
      get after() {
        client.abort(left);
        return "silent" as const;
      },
    };
    await using server = serveCompatible([refused(404, "The model does not exist.")], { "/v1/models": silent });
    const upstream = createTestUpstream(server, { dialect: dialects.vllm });
    const context = openContext({ signal: client.signal });

    expect(await failureOf(upstream.open(request({ model: "big/model" }), context))).toBe(left);
  });

  test("carries the key, the gateway's name and the user's own headers, and asks for no compression", async () => {
    await using server = serveCompatible([good]);
    await ask(server, request(), { headers: { "x-team": "blue" } });

    const [sent] = server.completions;
    expect(Object.fromEntries(sent!.headers)).toMatchObject({
      authorization: `Bearer ${testKey}`,
      "user-agent": "qwen-gateway/test",
      "accept-encoding": "identity",
      "content-type": "application/json",
      "x-team": "blue",
    });
    expect(sent!.path).toBe("/v1/chat/completions");
  });

  test("carries no key where there is none", async () => {
    await using server = serveCompatible([good]);
    const { account } = await ask(server, request(), { keys: [] });

    expect(server.completions[0]!.headers.has("authorization")).toBe(false);
    expect(account).toBe("");
  });

  test("carries DashScope's headers when it marks what to cache, or names media in its storage", async () => {
    await using server = serveCompatible([good]);
    const part = { type: "text", text: "a", cache_control: { type: "ephemeral" } };
    const image = { type: "image_url", image_url: { url: "oss://a/b.png" } };
    await ask(server, request({ messages: [{ role: "user", content: [part] }] }), { dialect: dialects.dashscope });
    await ask(server, request({ messages: [{ role: "user", content: [image] }] }), { dialect: dialects.dashscope });
    await ask(server, request(), { dialect: dialects.dashscope });

    const seen = server.completions.map(({ headers }) => [
      headers.get("x-dashscope-cachecontrol"),
      headers.get("x-dashscope-ossresourceresolve"),
    ]);
    expect(seen).toEqual([
      ["enable", null],
      [null, "enable"],
      [null, null],
    ]);
  });

  test("without a model asks the default, else the first that the server lists", async () => {
    await using server = serveCompatible([good], { "/v1/models": modelsPlay });
    await ask(server, helloRequest, { defaultModel: "chosen" });
    await ask(server, helloRequest, { defaultModel: undefined });

    expect(server.completions.map(({ body }) => body?.["model"])).toEqual(["chosen", "qwen3.6-27b"]);
  });
});

describe("answers that are no stream", () => {
  const message = {
    role: "assistant",
    reasoning_content: "hm",
    content: "Hi",
    tool_calls: [
      { id: "a", type: "function", function: { name: "read", arguments: "{}" } },
      { type: "function", function: { name: "write", arguments: '{"x":1}' } },
    ],
  };
  const completion = {
    object: "chat.completion",
    model: "real",
    choices: [{ index: 0, message, finish_reason: "tool_calls" }],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  };

  test("a whole completion gives the same events as a stream (rule 4a)", async () => {
    await using server = serveCompatible([{ body: JSON.stringify(completion) }]);
    const { events } = await ask(server);

    expect(events.map(({ type }) => type)).toEqual([
      "reply-start",
      "reasoning-delta",
      "text-delta",
      "tool-call-start",
      "tool-call-delta",
      "tool-call-start",
      "tool-call-delta",
      "usage-update",
      "reply-end",
    ]);
    expect(events.at(-1)).toMatchObject({ finishReason: "tool_calls" });
  });

  test("a stream under a wrong content type is read all the same", async () => {
    await using server = serveCompatible([{ ...good, contentType: "text/plain" }]);

    expect(textIn((await ask(server)).events)).toBe("Hello");
  });

  const others: readonly (readonly [name: string, play: Play])[] = [
    ["a page", { contentType: "text/html", body: "<html>Sign in</html>" }],
    ["other JSON", { body: '{"ok":true}' }],
    ["no choices", { body: '{"object":"chat.completion","choices":[]}' }],
    ["nothing", { contentType: "text/plain", body: "" }],
  ];
  test.each([...others])("%s under 200 is an error that is not repeated", async (_name, play) => {
    await using server = serveCompatible([play]);

    expect(await failureOf(ask(server))).toMatchObject({ kind: "upstream-failed", retryable: false });
  });

  test("an error under 200 is one", async () => {
    await using server = serveCompatible([{ body: '{"error":{"message":"x","code":"data_inspection_failed"}}' }]);

    expect(await failureOf(ask(server))).toMatchObject({ kind: "content-filtered" });
  });

  test("a server that is not there is an error that may be repeated", async () => {
    const server = serveCompatible([good]);
    await server[Symbol.asyncDispose]();

    expect(await failureOf(ask(server))).toMatchObject({ kind: "upstream-failed", retryable: true });
  });
});

describe("repairs", () => {
  const thinkingOff = refused(400, "parameter.enable_thinking must be set to false for non-streaming calls");

  test("are made once, before anybody hears of the refusal", async () => {
    await using server = serveCompatible([thinkingOff, good]);
    const asked = request({ enable_thinking: true, thinking_budget: 5 });
    const { events } = await ask(server, asked, { dialect: dialects.dashscope });

    expect(textIn(events)).toBe("Hello");
    expect(server.completions.map(({ body }) => [body?.["enable_thinking"], body?.["thinking_budget"]])).toEqual([
      [true, 5],
      [false, undefined],
    ]);
  });

  test("are not made twice", async () => {
    await using server = serveCompatible([thinkingOff]);
    const failure = await failureOf(ask(server, request({ enable_thinking: true }), { dialect: dialects.dashscope }));

    expect(failure).toMatchObject({ kind: "invalid-request" });
    expect(server.completions).toHaveLength(2);
  });

  test("of what a server cannot are remembered for the model", async () => {
    await using server = serveCompatible([refused(400, "Unknown parameter: stream_options"), good]);
    const upstream = createTestUpstream(server, { dialect: dialects.generic });
    for (let index = 0; index < 2; index++) await askOnce(upstream, request());

    expect(server.completions.map(({ body }) => "stream_options" in (body ?? {}))).toEqual([true, false, false]);
  });

  test("that are remembered leave room for others", async () => {
    const unknown = { prompt_cache_key: "a", store: false, user: "u", verbosity: "low" };
    const refusals = Object.keys(unknown).map((field) => refused(400, `property '${field}' is unsupported`));
    const tooMany = refused(400, "Range of max_tokens should be [1, 8192]");
    await using server = serveCompatible([...refusals, good, tooMany, good]);
    const upstream = createTestUpstream(server, { dialect: dialects.generic });
    await askOnce(upstream, request(unknown));
    await askOnce(upstream, request({ ...unknown, max_tokens: 9000 }));

    expect(server.completions.map(({ body }) => body?.["max_tokens"]).slice(-2)).toEqual([9000, 8192]);
  });

  test("of a value that was refused, even if only its field was named, are remembered for that value alone", async () => {
    const named = { status: 400, body: JSON.stringify({ error: { message: "bad", param: "reasoning_effort" } }) };
    await using server = serveCompatible([named, good]);
    const upstream = createTestUpstream(server, { dialect: dialects.generic });
    for (const effort of ["high", "high", "low"]) await askOnce(upstream, request({ reasoning_effort: effort }));

    const sent = server.completions.map(({ body }) => body?.["reasoning_effort"]);
    expect(sent).toEqual(["high", undefined, undefined, "low"]);
  });

  test("that were remembered are made where another one leads to them, and stay so for a repetition", async () => {
    const tooMuch = refused(400, "The thinking_budget parameter must be a positive integer and not greater than 81920");
    const tooLittle = refused(400, "The thinking_budget parameter must be a positive integer and not greater than 0");
    await using server = serveCompatible([tooMuch, tooLittle, good, tooMuch, tooLittle, good]);
    const upstream = createTestUpstream(server, { dialect: dialects.dashscope });
    const asked = request({ enable_thinking: true, thinking_budget: 99_999 });
    await askOnce(upstream, asked);
    const later = request({ ...asked.body });
    for (let index = 0; index < 2; index++) await askOnce(upstream, later);

    const whole = [99_999, undefined, 8192];
    expect(server.completions.map(({ body }) => body?.["thinking_budget"])).toEqual([...whole, ...whole, 8192]);
  });

  /** Groq, Cerebras (rikkahub#1137, 2026-05), Mistral (litellm#30835, 2026-06), Fireworks (pi#4514, 2026-05). */
  test.each([
    {
      error: {
        message:
          "'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property 'reasoning_content' is unsupported)]",
      },
    },
    {
      message:
        "messages.1.assistant.reasoning_content: property 'messages.1.assistant.reasoning_content' is unsupported",
      code: "wrong_api_format",
    },
    {
      detail: [
        {
          type: "extra_forbidden",
          loc: ["body", "messages", 1, "assistant", "reasoning_content"],
          msg: "Extra inputs are not permitted",
          input: "Hm",
        },
      ],
    },
    {
      error: {
        message:
          "Extra inputs are not permitted, field: 'messages[1].reasoning', value: 'Free allocated quota exceeded'",
      },
    },
  ])("take earlier thoughts out of the messages where they are refused, for good: %j", async (body) => {
    await using server = serveCompatible([{ status: 400, body: JSON.stringify(body) }, good]);
    const upstream = createTestUpstream(server, { dialect: dialects.generic });
    const before = { role: "assistant", content: "Hello" };
    const messages = [user, { ...before, reasoning_content: "Hm" }, user];
    const bytes = Buffer.from(JSON.stringify({ model: "m", messages }));
    for (let turn = 0; turn < 2; turn++) await askOnce(upstream, { ...request({ messages }), received: bytes });

    const sent = server.completions.map((asked) => asked.body?.["messages"]);
    expect(sent).toEqual([messages, [user, before, user], [user, before, user]]);
  });

  /** DashScope, in OpenAI's words (qwen-code#869, 2025-10; #2360, 2026-03). */
  test.each([
    'An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id".',
    'messages with role "tool" must be a response to a preceeding message with "tool_calls".',
  ])("give each call of a history its result where one is missed, for good: %s", async (message) => {
    const told = refused(400, `<400> InternalError.Algo.InvalidParameter: ${message}`, "invalid_parameter_error");
    await using server = serveCompatible([told, good]);
    const upstream = createTestUpstream(server, { dialect: dialects.dashscope });
    const call = { id: "c", type: "function", function: { name: "read", arguments: "{}" } };
    const messages = [user, { role: "assistant", content: "", tool_calls: [call] }, user];
    const bytes = Buffer.from(JSON.stringify({ model: "m", messages }));
    for (let turn = 0; turn < 2; turn++) await askOnce(upstream, { ...request({ messages }), received: bytes });

    const roles = server.completions.map(({ body }) => (body!["messages"] as Body[]).map(({ role }) => role));
    const paired = ["user", "assistant", "tool", "user"];
    expect(roles).toEqual([["user", "assistant", "user"], paired, paired]);
  });

  test("of a refusal inside the stream are left to the next attempt of the same request", async () => {
    const broken = { body: readCompatible("llamacpp-err-500-parse.json"), status: 500 };
    const inStream = stream(
      chunk({ role: "assistant", content: null }),
      JSON.parse(new TextDecoder().decode(readCompatible("llamacpp-err-500-parse.json"))),
    );
    const whole = JSON.stringify({ choices: [{ message: { content: "Hello" }, finish_reason: "stop" }] });
    for (const first of [inStream, broken]) {
      await using server = serveCompatible([first, { body: whole }]);
      const upstream = createTestUpstream(server, { dialect: dialects["llama-cpp"] });
      const asked = request();
      let { events } = await askOnce(upstream, asked);
      if (first === inStream) {
        expect(events.at(-1)).toMatchObject({ type: "reply-error", error: { retryable: true } });
        ({ events } = await askOnce(upstream, asked));
      }
      expect(textIn(events)).toBe("Hello");
      expect(server.completions.map(({ body }) => body?.["stream"])).toEqual([true, false]);
    }
  });

  test("do not answer a prompt that leaves no room with a shorter one", async () => {
    await using server = serveCompatible([{ status: 400, body: readCompatible("vllm-err-400-context-length.json") }]);

    expect(await failureOf(ask(server, request({ max_tokens: 10 })))).toMatchObject({ kind: "context-too-long" });
    expect(server.completions).toHaveLength(1);
  });
});

describe("several keys", () => {
  const keys = ["sk-one", "sk-two"];
  const used = (server: FakeServer) =>
    server.completions.map(({ headers }) => headers.get("authorization")?.replace("Bearer ", ""));

  const refusals = [
    ["a refused key", refused(401, "Incorrect API key provided", "invalid_api_key")],
    ["arrears", refused(400, "Access denied", "Arrearage")],
    ["a limit of requests", refused(429, "Requests rate limit exceeded", "limit_requests")],
    ["a limit of tokens", refused(429, "Allocated quota exceeded", "insufficient_quota")],
    ["the end of a free quota", refused(403, "Free allocated quota exceeded.")],
    ["a missing right", refused(403, "Access denied.", "access_denied")],
  ] as const;
  test.each([...refusals])("%s moves the request to the other one [R1-016]", async (_name, refusal) => {
    await using server = serveCompatible([refusal, good]);
    const upstream = createTestUpstream(server, { dialect: dialects.dashscope, keys });
    const { events, account } = await askOnce(upstream, request());
    await askOnce(upstream, request());

    expect(textIn(events)).toBe("Hello");
    expect(account).toBe("key-2");
    expect(used(server)).toEqual(["sk-one", "sk-two", "sk-two"]);
    expect(upstream.accounts?.().map(({ state }) => state)[1]).toBe("ready");
  });

  test.each([
    ["a wrong request", refused(400, "bad", "invalid_parameter_error")],
    ["filtered content", refused(400, "inappropriate content", "data_inspection_failed")],
    ["a failing server", refused(500, "boom")],
  ] as const)("%s does not", async (_name, refusal) => {
    await using server = serveCompatible([refusal, good]);

    expect(await failureOf(ask(server, request(), { keys }))).toBeInstanceOf(GatewayError);
    expect(server.completions).toHaveLength(1);
  });

  test("a limit inside the stream lets the gateway ask the other one", async () => {
    const throttled = { body: readCompatible("dashscope-12-responses-inband-throttle.sse") };
    await using server = serveCompatible([throttled, good]);
    const upstream = createTestUpstream(server, { dialect: dialects.dashscope, keys });
    const { events } = await askOnce(upstream, request());
    const next = [await askOnce(upstream, request()), await askOnce(upstream, request())];

    expect(events.at(-1)).toMatchObject({ type: "reply-error", error: { retryable: true, atOnce: true } });
    expect(next.map(({ account }) => account)).toEqual(["key-2", "key-2"]);
  });

  test("new requests go to the key with the fewest open replies", async () => {
    await using server = serveCompatible([{ ...good, after: "open" }]);
    const upstream = createTestUpstream(server, { dialect: dialects.vllm, keys });
    const replies = [];
    for (let index = 0; index < 4; index++) replies.push(await upstream.open(request(), openContext()));

    expect(replies.map(({ account }) => account)).toEqual(["key-1", "key-2", "key-1", "key-2"]);
    for (const reply of replies) await reply.onEnd("aborted");
    expect(upstream.accounts?.().map(({ openReplies }) => openReplies)).toEqual([0, 0]);
  });
});

describe("the only key", () => {
  test("is waited for while it cools down, if the time allows it", async () => {
    const soon = { ...refused(429, "Requests rate limit exceeded"), headers: { "retry-after-ms": "30" } };
    await using server = serveCompatible([soon, good]);
    const upstream = createTestUpstream(server, { dialect: dialects.dashscope });
    const failure = await failureOf(askOnce(upstream, request()));

    expect(failure).toMatchObject({ kind: "upstream-quota", retryable: true, retryAfterMs: 30 });
    expect(textIn((await askOnce(upstream, request())).events)).toBe("Hello");
    expect(server.completions).toHaveLength(2);
  });

  test("else the request is refused from memory, with the time that is left", async () => {
    const later = { ...refused(429, "Requests rate limit exceeded"), headers: { "retry-after": "40" } };
    await using server = serveCompatible([later, good]);
    const upstream = createTestUpstream(server, { dialect: dialects.dashscope });
    await failureOf(askOnce(upstream, request()));
    const failure = await failureOf(askOnce(upstream, request()));

    expect(failure).toMatchObject({ kind: "upstream-quota" });
    expect((failure as GatewayError).retryAfterMs).toBeGreaterThan(30_000);
    expect(server.completions).toHaveLength(1);
  });

  test("cools down no longer than it may, and for the model alone", async () => {
    const later = { ...refused(429, "Requests rate limit exceeded"), headers: { "retry-after": "40" } };
    await using server = serveCompatible([later, good]);
    const upstream = createTestUpstream(server, { dialect: dialects.dashscope, maxCooldownMs: 20 });
    await failureOf(askOnce(upstream, request()));

    expect(textIn((await askOnce(upstream, request({ model: "other" }))).events)).toBe("Hello");
    expect(textIn((await askOnce(upstream, request())).events)).toBe("Hello");
  });

  test("is asked again when it was refused: its owner may have mended it", async () => {
    await using server = serveCompatible([refused(401, "no"), good]);
    const upstream = createTestUpstream(server, { dialect: dialects.dashscope });
    await failureOf(askOnce(upstream, request()));

    expect(textIn((await askOnce(upstream, request())).events)).toBe("Hello");
  });
});

describe("the log", () => {
  test("warns when Ollama has cut the prompt without a word", async () => {
    const answer = stream(
      chunk({ content: "Hi" }),
      finish(),
      usageChunk({ prompt_tokens: 2048, completion_tokens: 1 }),
    );
    await using server = serveCompatible([answer]);
    const { log, lines } = createMemoryLog();
    const long = request({ messages: [{ role: "user", content: "many words ".repeat(10_000) }] });
    await ask(server, long, { dialect: dialects.ollama, log });
    await ask(server, request(), { dialect: dialects.ollama, log });
    await ask(server, long, { dialect: dialects.vllm, log });

    expect(lines.filter((line) => line.includes("num_ctx"))).toHaveLength(1);
  });

  test("never holds a key or what was said", async () => {
    await using server = serveCompatible([
      refused(400, "Unknown parameter: stream_options; secret words"),
      refused(401, "secret words"),
      stream("{broken", chunk({ content: "secret words" }), finish()),
    ]);
    const { log, lines } = createMemoryLog();
    await ask(server, request({ messages: [{ role: "user", content: "secret words" }] }), {
      keys: ["sk-one", "sk-two"],
      log,
    });

    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(lines.join("\n")).not.toMatch(/sk-|secret/);
  });
});
