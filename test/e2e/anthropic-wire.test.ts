// POST /v1/messages and what belongs to it, byte by byte, of the compiled executable over either kind of upstream: as agents
// send it and as they break without it.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startClientStage } from "../support/client-stage.ts";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";
import { type ReadMessage, readMessage } from "../support/read-message.ts";

setDefaultTimeout(20_000);

const key = "sk-wire";
const hello = [{ role: "user", content: "Say hello there" }];
const parameters = { type: "object", properties: { city: { type: "string" } } };
const tools = [
  { name: "get_weather", description: "weather", input_schema: parameters, defer_loading: true },
  { name: "get_time", input_schema: parameters, cache_control: { type: "ephemeral" } },
  { type: "web_search_20250305", name: "web_search", max_uses: 2 },
];
const askBoth = "Call get_weather with city=Paris and get_time with city=Rome";

describe.each(upstreamKinds)("over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind, { API_KEY: key, HOLD_HEADERS_MS: "50", SSE_KEEPALIVE_MS: "20" });
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  const ask = (path: string, init: RequestInit, headers: Record<string, string>) =>
    fetch(`${stage.url}${path}`, {
      ...init,
      headers: { "anthropic-version": "2023-06-01", "x-api-key": key, ...headers },
    });
  const get = (path: string, headers = {}) => ask(path, {}, headers);
  const post = (path: string, body: unknown, headers = {}) =>
    ask(path, { method: "POST", body: JSON.stringify(body) }, { "content-type": "application/json", ...headers });
  const body = (fields: object = {}) => ({ model: stage.model, max_tokens: 1000, messages: hello, ...fields });
  const send = async (fields: object = {}, headers = {}): Promise<ReadMessage> =>
    readMessage(await post("/v1/messages?beta=true", body(fields), headers));

  test("a key comes as x-api-key or as a bearer; another one is 401 in Anthropic's form", async () => {
    expect((await send()).status).toBe(200);
    expect((await send({}, { "x-api-key": "", authorization: `Bearer ${key}` })).status).toBe(200);
    for (const path of ["/v1/messages", "/v1/messages/count_tokens"]) {
      const refused = await post(path, body(), { "x-api-key": "sk-other" });
      const error = (await refused.json()) as { request_id: string };
      expect([path, refused.status]).toEqual([path, 401]);
      expect(error).toMatchObject({ type: "error", error: { type: "authentication_error" } });
      expect(error.request_id).toBe(refused.headers.get("request-id") ?? "");
    }
    expect(await (await get("/v1/models", { "x-api-key": "sk-other" })).json()).toMatchObject({
      type: "error",
      error: { type: "authentication_error" },
    });
  });

  test("what Claude Code sends is taken: betas, system blocks, billing left out, system between messages", async () => {
    const message = await send(
      {
        max_tokens: 32_000_000,
        stream: true,
        system: [
          { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.329" },
          { type: "text", text: "You are terse.", cache_control: { type: "ephemeral" } },
        ],
        messages: [...hello, { role: "system", content: [{ type: "text", text: "The folder is empty." }] }],
        tools,
        thinking: { type: "adaptive", display: "omitted" },
        context_management: { edits: [] },
        output_config: { effort: "high" },
        metadata: { user_id: JSON.stringify({ session_id: "s1" }) },
        not_yet_invented: true,
      },
      { "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,not-yet-invented-2030" },
    );
    const [asked] = stage.asked();

    expect([message.status, message.stopReason, message.text]).toEqual([200, "end_turn", "hello there"]);
    expect(asked).toContain("You are terse.");
    expect(asked).toContain("The folder is empty.");
    expect(asked).not.toContain("billing");
  });

  test("max_tokens: missing or odd is 400 and named, too many are as many as the model can say", async () => {
    const { max_tokens: _, ...without } = body();
    for (const wrong of [without, body({ max_tokens: 0 }), body({ max_tokens: "9" }), body({ max_tokens: 1.5 })]) {
      const response = await post("/v1/messages", wrong);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        type: "error",
        error: { type: "invalid_request_error", message: expect.stringContaining("max_tokens") },
      });
    }
    expect(stage.asked()).toEqual([]);
    expect((await send({ max_tokens: 100_000_000 })).status).toBe(200);
    expect(stage.asked().at(-1)).not.toContain("100000000");
  });

  test("thoughts are a signed block before the text, and replayed they change nothing", async () => {
    const thinking = { type: "enabled", budget_tokens: 2000 };
    const first = await send({ stream: true, thinking, messages: [{ role: "user", content: "My name is Mira." }] });
    const messages = [
      { role: "user", content: [{ type: "text", text: "My name is Mira.", cache_control: { type: "ephemeral" } }] },
      { role: "assistant", content: [...first.content, { type: "redacted_thinking", data: "x" }] },
      { role: "user", content: "What is my name?" },
    ];
    const second = await send({ stream: true, thinking, messages });

    expect(first.content.map(({ type }) => type)).toEqual(["thinking", "text"]);
    expect(first.content[0]?.signature).toBeTruthy();
    expect(second.text).toContain("Mira");
    // Where the upstream remembers, it is told the new words alone.
    if (kind === "web") expect(stage.asked()[1]).not.toContain("My name is");
  });

  test.each([true, false])("parallel calls and their results, stream: %p", async (stream) => {
    const asked = { role: "user", content: askBoth };
    const first = await send({ stream, tools, messages: [asked] });
    const [weather, time] = first.calls;
    const content = [
      { type: "tool_result", tool_use_id: weather?.id, content: [{ type: "text", text: "rain" }] },
      { type: "tool_result", tool_use_id: time?.id, content: "no clock", is_error: true },
      { type: "text", text: "And say it kindly." },
    ];
    const messages = [asked, { role: "assistant", content: first.content }, { role: "user", content }];
    const second = await send({ stream, tools, messages });

    expect([first.stopReason, weather?.input, time?.input]).toEqual(["tool_use", { city: "Paris" }, { city: "Rome" }]);
    expect(second.status).toBe(200);
    const told = stage.asked()[1] ?? "";
    // Results first, in the order of their calls, then the words.
    expect(told.indexOf("rain")).toBeLessThan(told.indexOf("no clock"));
    expect(told.indexOf("no clock")).toBeLessThan(told.indexOf("And say it kindly."));
    expect(told.indexOf("rain")).toBeGreaterThan(0);
  });

  test("a call without arguments has an empty input, streamed or whole", async () => {
    for (const stream of [true, false]) {
      stage.script({ calls: [{ name: "get_time", arguments: {} }] });
      const { calls, stopReason } = await send({ stream, tools });
      expect([calls.map(({ name, input }) => [name, input]), stopReason]).toEqual([[["get_time", {}]], "tool_use"]);
    }
  });

  test("a stop sequence ends the text before it and is named", async () => {
    stage.script({ text: "one two STOP three" });
    const { text, stopReason, stopSequence } = await send({ stream: true, stop_sequences: ["STOP", "END"] });

    expect([text, stopReason, stopSequence]).toEqual(["one two ", "stop_sequence", "STOP"]);
  });

  test("message_start estimates, message_delta has what the upstream counted", async () => {
    const { firstUsage, usage, headers } = await send({ stream: true });

    expect(firstUsage).toMatchObject({ output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 });
    expect(firstUsage?.input_tokens).toBeGreaterThan(0);
    expect(usage?.output_tokens).toBeGreaterThan(0);
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
    });
    expect(headers.has("content-encoding")).toBe(false);
  });

  test("pings while the upstream is silent", async () => {
    stage.script({ text: "At last.", delayMs: 400 });
    const { events, text } = await send({ stream: true });

    expect(events.slice(0, 2)).toEqual(["message_start", "ping"]);
    expect(text).toBe("At last.");
  });

  test("models are Anthropic's and OpenAI's at once, in pages where asked, with Anthropic's errors", async () => {
    const list = (await (await get("/v1/models?limit=1")).json()) as { data: { id: string }[]; last_id: string };
    const [model] = list.data;
    const missing = await get("/v1/models/nothing");

    expect(list).toMatchObject({ object: "list", has_more: true, first_id: model?.id, last_id: model?.id });
    expect(model).toMatchObject({ type: "model", object: "model", display_name: expect.any(String) });
    expect(model).toMatchObject({
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      created: expect.any(Number),
    });
    const next = (await (await get(`/v1/models?limit=1&after_id=${list.last_id}`)).json()) as typeof list;
    expect(next.data[0]?.id).not.toBe(model?.id);
    expect([missing.status, await missing.json()]).toMatchObject([404, { error: { type: "not_found_error" } }]);
  });

  test("count_tokens takes the same body without max_tokens, grows with it, and asks nobody", async () => {
    const count = async (fields: object) => {
      const { max_tokens: _, ...rest } = body(fields);
      const response = await post("/v1/messages/count_tokens?beta=true", rest);
      return ((await response.json()) as { input_tokens: number }).input_tokens;
    };
    const plain = await count({});

    expect(plain).toBeGreaterThan(0);
    expect(await count({ system: "You are terse." })).toBeGreaterThan(plain);
    expect(await count({ tools })).toBeGreaterThan(plain);
    expect(stage.asked()).toEqual([]);
  });

  test("what is wrong is JSON in Anthropic's form, whatever it is", async () => {
    const cases = [
      [await ask("/v1/messages", { method: "POST", body: "{" }, {}), 400, "invalid_request_error"],
      [await post("/v1/messages", body({ messages: [] })), 400, "invalid_request_error"],
      [await get("/v1/messages"), 405, "invalid_request_error"],
      [await get("/v1/nothing"), 404, "not_found_error"],
      [await post("/v1/messages/batches", {}), 404, "not_found_error"],
    ] as const;
    for (const [response, status, type] of cases) {
      expect([response.status, await response.json()]).toMatchObject([status, { type: "error", error: { type } }]);
      expect(response.headers.get("request-id")).toMatch(/^req_/);
    }
  });

  // The last: the account is set aside for a while behind it.
  test("a refusal before the first word is a status, a break behind it an event without message_stop", async () => {
    stage.script({ text: "one ", isEndless: true, breaksAfter: 20 });
    const broken = await send({ stream: true });
    stage.script({ refuse: "internal-error" });
    const refused = await post("/v1/messages", body({ stream: true }));

    expect(refused.status).toBe(502);
    expect(refused.headers.get("content-type")).toContain("application/json");
    expect(await refused.json()).toMatchObject({ type: "error", error: { type: "api_error" } });
    expect(broken.error).toMatchObject({ type: "error", error: { type: "api_error" } });
    expect(broken.events).toContain("content_block_delta");
    expect(broken.events.at(-1)).toBe("error");
    expect(broken.events).not.toContain("message_stop");
  });
});

test("an overload has status 529, as Anthropic's clients expect it", async () => {
  await using stage = await startClientStage("dashscope");
  stage.emulator.script({ refuse: "concurrency-limited" });
  const response = await fetch(`${stage.baseUrl}/messages`, {
    method: "POST",
    body: JSON.stringify({ model: stage.model, max_tokens: 9, messages: hello }),
  });

  expect([response.status, await response.json()]).toMatchObject([529, { error: { type: "overloaded_error" } }]);
});

test("calls that an upstream mixes come as blocks one after the other", async () => {
  await using stage = await startClientStage("vllm");
  const piece = (delta: object, finish: string | null = null) => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    return `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices })}\n\n`;
  };
  const call = (index: number, fields: object) => piece({ tool_calls: [{ index, ...fields }] });
  const start = (index: number, name: string) =>
    call(index, { id: `call_${index}`, type: "function", function: { name, arguments: "" } });
  const more = (index: number, text: string) => call(index, { function: { arguments: text } });
  const raw = [
    piece({ role: "assistant", content: "" }),
    start(0, "get_weather") + start(1, "get_time"),
    more(0, '{"ci') + more(1, '{"city"') + more(0, 'ty":"Paris"}') + more(1, ':"Rome"}'),
    piece({}, "tool_calls"),
    "data: [DONE]\n\n",
  ].join("");
  stage.emulator.script({ reply: { raw, contentType: "text/event-stream" } });
  const response = await fetch(`${stage.baseUrl}/messages`, {
    method: "POST",
    body: JSON.stringify({ model: stage.model, max_tokens: 99, stream: true, messages: hello, tools }),
  });
  // Throws when two blocks are open at a time.
  const message = await readMessage(response);

  expect(message.calls.map(({ id, name, input }) => [id, name, input])).toEqual([
    ["toolu_call_0", "get_weather", { city: "Paris" }],
    ["toolu_call_1", "get_time", { city: "Rome" }],
  ]);
  expect(message.stopReason).toBe("tool_use");
});
