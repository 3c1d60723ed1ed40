// The whole way from the official client through a gateway to a server that speaks the same protocol with an accent.

import { expect, test } from "bun:test";
import OpenAI from "openai";
import { createGateway } from "../../src/gateway/gateway.ts";
import { createMemoryStore } from "../../src/store/memory-store.ts";
import { openaiChat } from "../../src/surfaces/openai-chat/surface.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import type { Dialect } from "../../src/upstreams/openai-compatible/dialect.ts";
import { dialects } from "../../src/upstreams/openai-compatible/dialects/index.ts";
import { readCompatible } from "../support/compatible-recordings.ts";
import { type FakeServer, type Play, serveCompatible } from "../support/fake-compatible-server.ts";
import { createTestUpstream } from "../support/test-dialect.ts";

interface Whole extends AsyncDisposable {
  readonly client: OpenAI;
  readonly server: FakeServer;
}

/** A gateway with nothing in front of it but a socket. */
function start(dialect: Dialect, plays: readonly Play[], keys: readonly string[] = ["sk-one"]): Whole {
  const server = serveCompatible(plays);
  const upstream = createTestUpstream(server, { dialect, keys });
  const gateway = createGateway({
    upstreams: () => [upstream],
    store: createMemoryStore({ clock: Date.now, sessionTimeoutMs: 60_000 }),
    defaultModel: "qwen3.6-27b",
    sessionMatch: "history",
    deleteChats: false,
    stream: true,
    streamUsage: "request",
    liveness: { firstByteMs: 5000, stallMs: 5000, replyMs: 10_000, heartbeatMs: 5000, clientStallMs: 5000 },
    holdHeadersMs: 5000,
    retry: { maxAttempts: 3, baseDelayMs: 5, maxDelayMs: 20 },
    retryBudgetMs: 5000,
    debugStreaming: false,
    clock: Date.now,
    log: silentLog,
  });
  const front = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    fetch: async (request) =>
      gateway.exchange(openaiChat, {
        body: await request.bytes(),
        headers: request.headers,
        signal: request.signal,
        caller: "local",
        requestId: crypto.randomUUID(),
      }),
  });
  return {
    client: new OpenAI({ baseURL: `${front.url.href}v1`, apiKey: "none", maxRetries: 0 }),
    server,
    async [Symbol.asyncDispose]() {
      await front.stop(true);
      await server[Symbol.asyncDispose]();
    },
  };
}

const played = (name: string): Play => ({ body: readCompatible(name) });
const request = { model: "m", messages: [{ role: "user" as const, content: "Hi" }] };
const weather = { type: "function" as const, function: { name: "get_weather", parameters: { type: "object" } } };

test("a stream with thoughts and usage reaches the official client [R1-015]", async () => {
  await using whole = start(dialects.dashscope, [played("dashscope-01-thinking-qwen3.6-plus.sse")]);
  const stream = await whole.client.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  let [text, thoughts, tokens] = ["", "", 0];
  for await (const { choices, usage } of stream) {
    const delta = choices[0]?.delta;
    text += delta?.content ?? "";
    thoughts += delta !== undefined && "reasoning_content" in delta ? String(delta.reasoning_content ?? "") : "";
    tokens += usage?.total_tokens ?? 0;
  }

  expect([text, thoughts, tokens]).toEqual(["2 + 2 equals 4.", "The user asks for a sum.\n2 + 2 is 4.", 1247]);
});

test.each([
  ["passed on", {}],
  ["translated", { tools: [weather] }],
])(
  "what no client survives does not reach the official one when a stream is %s [R1-022] [R1-025]",
  async (_, fields) => {
    const frame = (event: object): string => `data: ${JSON.stringify(event)}\n\n`;
    const chunk = (choice: object): string => frame({ id: "c", model: "m", choices: [{ index: 0, ...choice }] });
    const body = [
      "\uFEFF: hello\n\nretry: 5\n\n",
      frame({ id: "", model: "", choices: [], prompt_filter_results: [] }),
      `id: 1\nevent: completion\n${chunk({ delta: null })}`,
      "event: ping\n\ndata:\n\n",
      chunk({ delta: { content: "one " }, finish_reason: "" }),
      frame({ id: "c", choices: [null] }),
      `id: 2\n${chunk({ delta: { content: "two" } })}`,
      chunk({ finish_reason: "stop" }),
      frame({ id: "c", usage: { prompt_tokens: 3, completion_tokens: 2 } }),
    ];
    await using whole = start(dialects.generic, [{ body: body.join("") }]);
    const stream = await whole.client.chat.completions.create({
      ...request,
      ...fields,
      stream: true,
      stream_options: { include_usage: true },
    });
    const read: (readonly [text: unknown, finish: unknown, tokens: unknown])[] = [];
    for await (const { choices, usage } of stream) {
      read.push([choices[0]?.delta.content ?? "", choices[0]?.finish_reason ?? undefined, usage?.total_tokens]);
    }

    expect(read.map(([text]) => text).join("")).toBe("one two");
    expect(read.flatMap(([, finish]) => finish ?? [])).toEqual(["stop"]);
    expect(read.flatMap(([, , tokens]) => tokens ?? [])).toEqual([5]);
  },
);

test("parallel calls reach the helper of the official client whole", async () => {
  await using whole = start(dialects.dashscope, [played("dashscope-04-toolcalls-parallel-empty-id.sse")]);
  const completion = await whole.client.chat.completions.stream({ ...request, tools: [weather] }).finalChatCompletion();

  const [choice] = completion.choices;
  expect(choice?.finish_reason).toBe("tool_calls");
  const parsed = choice?.message.tool_calls?.map((call) =>
    call.type === "function" ? JSON.parse(call.function.arguments) : undefined,
  );
  expect(parsed).toEqual([
    { location: "Hangzhou", unit: "celsius" },
    { location: "Shanghai", unit: "celsius" },
  ]);
});

test("a whole answer is collected from a stream where not every model gives one", async () => {
  await using whole = start(dialects.dashscope, [played("vllm-01-reasoning-field-v0.16plus.sse")]);
  const completion = await whole.client.chat.completions.create(request);

  expect(completion.choices[0]?.message.content).toBe("Hello!");
  expect(completion.usage?.completion_tokens).toBe(26);
  expect(whole.server.completions[0]?.body).toMatchObject({ stream: true });
});

test("a refusal inside the first bytes of a stream is a status, and the other key answers [R1-016]", async () => {
  const throttled = played("dashscope-12-responses-inband-throttle.sse");
  const answer = played("dashscope-03-plain-qwen-plus.sse");
  await using whole = start(dialects.dashscope, [throttled, answer], ["sk-one", "sk-two"]);
  const completion = await whole.client.chat.completions.create(request);

  expect(completion.choices[0]?.message.content).toBe("I am Qwen.");
  expect(whole.server.completions).toHaveLength(2);
});

test.each([
  ["vllm-err-400-context-length.json", 400, 400, "context_length_exceeded"],
  ["ollama-err-404.json", 404, 404, "model_not_found"],
  ["dashscope-err-401-invalid_api_key.json", 401, 502, "upstream_auth"],
  ["dashscope-err-400-data_inspection_failed.json", 400, 400, "content_filter"],
] as const)("%s (%d) is %d %s for the official client", async (name, status, told, code) => {
  await using whole = start(dialects.generic, [{ status, body: readCompatible(name) }]);
  const error: unknown = await whole.client.chat.completions.create(request).catch((failure: unknown) => failure);

  expect(error).toBeInstanceOf(OpenAI.APIError);
  expect(error).toMatchObject({ status: told, code });
});

test.each([true, false])(
  "a context that is too long reaches the official client in OpenAI's words, stream %p",
  async (stream) => {
    const body = readCompatible("vllm-err-400-context-length.json");
    await using whole = start(dialects.vllm, [{ status: 400, body }]);
    const error: unknown = await whole.client.chat.completions
      .create({ ...request, stream })
      .catch((failure: unknown) => failure);

    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ code: "context_length_exceeded", type: "invalid_request_error" });
    expect(String(error)).toContain("prompt is too long: 1015 tokens > 1014 maximum");
    expect(String(error)).toContain("maximum context length is 1024 tokens");
  },
);

test("a context that is too long inside a good status is a 400 all the same", async () => {
  await using whole = start(dialects.sglang, [played("sglang-02-http200-error-only.sse")]);
  const error: unknown = await whole.client.chat.completions
    .create({ ...request, stream: true })
    .catch((failure: unknown) => failure);

  expect(error).toMatchObject({ status: 400, code: "context_length_exceeded" });
  expect(String(error)).toContain("prompt is too long: 493354 tokens > 262144 maximum");
});

test("an error in the middle of a stream is thrown by the official client, and what came before is there", async () => {
  await using whole = start(dialects.vllm, [played("vllm-06-keepalive-then-midstream-error.sse")]);
  const stream = await whole.client.chat.completions.create({ ...request, stream: true });
  let text = "";
  const failure = await (async () => {
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
  })().catch((error: unknown) => error);

  expect(text).toBe("partial");
  expect(failure).toBeInstanceOf(OpenAI.APIError);
});
