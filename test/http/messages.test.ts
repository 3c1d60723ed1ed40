// POST /v1/messages over the web backend: streams, whole answers, thoughts, what clients send besides, and failures.

import { describe, expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { readMessage } from "../support/read-message.ts";
import { acceptedTurns, lastTurn, openReplies, untilIdle } from "./client.ts";
import { answered, says, send } from "./message-client.ts";

describe("a message", () => {
  test.each([true, false])("is text and its end, streamed: %p", async (stream) => {
    await using harness = await startHarness();
    const message = await send(harness, [says("Count from 1 to 5")], { stream });

    expect(message).toMatchObject({
      status: 200,
      id: expect.stringMatching(/^msg_\w+$/),
      model: "qwen3-max",
      content: [{ type: "text", text: "1 2 3 4 5" }],
      stopReason: "end_turn",
      stopSequence: null,
      usage: { input_tokens: expect.any(Number), cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
    });
    expect(message.usage?.output_tokens).toBeGreaterThan(0);
    expect(message.headers.get("request-id")).toMatch(/^req_/);
    expect(message.headers.get("request-id")).toBe(message.headers.get("x-request-id"));
    if (!stream) return;
    expect(message.events.slice(0, 2)).toEqual(["message_start", "content_block_start"]);
    expect(message.events.slice(-3)).toEqual(["content_block_stop", "message_delta", "message_stop"]);
    expect(message.firstUsage?.input_tokens).toBeGreaterThan(0);
  });

  test.each([true, false])("has thoughts before its text, signed, streamed: %p", async (stream) => {
    await using harness = await startHarness();
    const thinking = { type: "enabled", budget_tokens: 2000 };
    const message = await send(harness, [says("Count from 6 to 9")], { stream, thinking });

    expect(message.content.map(({ type }) => type)).toEqual(["thinking", "text"]);
    expect(message.content[0]?.thinking).toContain("emulator");
    expect(message.content[0]?.signature).toMatch(/^[\w+/=]+$/);
    expect(message.text).toBe("6 7 8 9");
    expect(lastTurn(harness).body.messages[0].feature_config).toMatchObject({ thinking_budget: 2000 });
  });

  test.each([true, false])(
    "keeps the text of its thoughts back where the client wants that, streamed: %p",
    async (stream) => {
      await using harness = await startHarness();
      harness.emulator.script({ reply: { thinking: "I think.", text: "Done." } });
      const thinking = { type: "adaptive", display: "omitted" };
      const message = await send(harness, [says("Go")], { stream, thinking });

      expect(message.content).toEqual([
        { type: "thinking", thinking: "", signature: expect.stringMatching(/./) },
        { type: "text", text: "Done." },
      ]);
      expect(lastTurn(harness).body.messages[0].feature_config).toMatchObject({ thinking_mode: "Auto" });
    },
  );

  test("goes out with heartbeats, and its start before them, while the upstream is silent", async () => {
    await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "10", SSE_KEEPALIVE_MS: "20" } });
    harness.emulator.script({ gate: "later", reply: { text: "At last." } });
    const body = { model: "qwen3-max", max_tokens: 9, stream: true, messages: [says("Hello")] };
    const response = await harness.post("/v1/messages", body);
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    let seen = "";
    while (seen.split("event: ping").length < 3) seen += decoder.decode((await reader.read()).value);
    harness.emulator.release("later", "all");
    for (let next = await reader.read(); !next.done; next = await reader.read()) seen += decoder.decode(next.value);
    const message = await readMessage(new Response(seen, { headers: { "content-type": "text/event-stream" } }));

    expect(message.events.slice(0, 2)).toEqual(["message_start", "ping"]);
    expect(message.events.filter((type) => type === "message_start")).toHaveLength(1);
    expect(message).toMatchObject({ text: "At last.", stopReason: "end_turn" });
  });

  test("maps the names of Anthropic's models, and answers by the name that was asked", async () => {
    await using harness = await startHarness();
    const message = await send(harness, [says("Say hello")], { model: "claude-sonnet-4-5-20250929" });

    expect(message).toMatchObject({ model: "claude-sonnet-4-5-20250929", text: "hello" });
    expect(lastTurn(harness).body.model).toStartWith("qwen");
  });
});

describe("what an agent sends besides", () => {
  test("system blocks and messages reach the model, what was meant for billing does not", async () => {
    await using harness = await startHarness();
    const system = [
      { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.329; cch=1;" },
      { type: "text", text: "You are terse.", cache_control: { type: "ephemeral" } },
    ];
    const messages = [
      says([{ type: "text", text: "Say hello", cache_control: { type: "ephemeral" } }]),
      { role: "system", content: "The folder is empty." },
    ];
    const message = await send(
      harness,
      messages,
      {
        system,
        context_management: {},
        output_config: { effort: "high" },
        metadata: { user_id: "u1" },
        unheard_of: [1],
      },
      { "anthropic-beta": "interleaved-thinking-2025-05-14,never-heard-of-2027", "anthropic-version": "2023-06-01" },
    );

    expect(message.status).toBe(200);
    const { content } = lastTurn(harness);
    expect(content).toContain("You are terse.");
    expect(content).toContain("The folder is empty.");
    expect(content).not.toContain("billing");
  });

  test("the session stands in its metadata or its header", async () => {
    await using harness = await startHarness();
    const named = JSON.stringify({ device_id: "d", account_uuid: "", session_id: "session-of-json" });
    const byJson = await send(harness, [says("Hello")], { metadata: { user_id: named } });
    const byName = await send(harness, [says("Hello")], {
      metadata: { user_id: "user_abc_account__session_0a1b2c3d-0000-4000-8000-000000000000" },
    });
    const byHeader = await send(harness, [says("Hello")], {}, { "x-claude-code-session-id": "session-of-header" });

    expect([byJson, byName, byHeader].map(({ headers }) => headers.get("x-session-id"))).toEqual([
      "session-of-json",
      "0a1b2c3d-0000-4000-8000-000000000000",
      "session-of-header",
    ]);
  });

  test("either header brings its key", async () => {
    await using harness = await startHarness({ environment: { API_KEY: "the-key" } });
    const keyed = (headers: Record<string, string>) => send(harness, [says("Say hello")], { stream: false }, headers);

    expect((await keyed({ "x-api-key": "the-key" })).text).toBe("hello");
    expect((await keyed({ authorization: "Bearer the-key" })).text).toBe("hello");
    const refused = await keyed({ "x-api-key": "another" });
    expect(refused).toMatchObject({ status: 401, error: { error: { type: "authentication_error" } } });
  });
});

describe("stop sequences", () => {
  test.each([true, false])("end the text before them, wherever it is cut, streamed: %p", async (stream) => {
    await using harness = await startHarness();
    for (const deltaChars of [1, 2, 3, 7, 50]) {
      harness.emulator.script({ reply: { text: "one two STOP three four five", deltaChars } });
      const message = await send(harness, [says("Go")], { stream, stop_sequences: ["never", "STOP"] });

      expect(message).toMatchObject({ text: "one two ", stopReason: "stop_sequence", stopSequence: "STOP" });
    }
  });

  test("that do not come change nothing", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "one STO", deltaChars: 1 } });
    const message = await send(harness, [says("Go")], { stop_sequences: ["STOP"] });

    expect(message).toMatchObject({ text: "one STO", stopReason: "end_turn", stopSequence: null });
  });

  test("stop the generation, and the conversation goes on in its chat", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "word STOP ", repeat: 2000, paceMs: 1 } });
    const first = await send(harness, [says("Go")], { stop_sequences: ["STOP"] });
    const turn = lastTurn(harness);
    expect(first.stopReason).toBe("stop_sequence");
    expect(turn.record.finished).toBe(false);
    await send(harness, [says("Go"), answered(first), says("Say hello")]);

    expect(lastTurn(harness)).toMatchObject({ chatId: turn.chatId, parentId: turn.responseId, content: "Say hello" });
  });
});

describe("failures", () => {
  test.each([
    ["token-expired", 502, "api_error"],
    [{ name: "rate-limited", hours: 10 }, 429, "rate_limit_error"],
    ["waf-html", 503, "api_error"],
    ["model-not-found", 404, "not_found_error"],
  ] as const)("%p before the first word is a status [R0-031]", async (refuse, status, type) => {
    await using harness = await startHarness({ environment: { ACCOUNT_COOLDOWN_MAX_MS: "1" } });
    harness.emulator.script({ times: "always", refuse });
    const message = await send(harness, [says("Hello")]);

    expect(message).toMatchObject({ status, error: { type: "error", error: { type } } });
    expect(message.error?.request_id).toBe(message.headers.get("request-id") ?? "");
    expect(message.headers.get("content-type")).toStartWith("application/json");
  });

  test("in the stream are an event, and nothing follows [R0-026] [R0-030]", async () => {
    await using harness = await startHarness({ environment: { QWEN_RECOVER: "false" } });
    harness.emulator.script({ reply: { text: "half an answer", faults: [{ kind: "end", after: 3 }] } });
    const message = await send(harness, [says("Hello")]);

    expect(message.events.at(-1)).toBe("error");
    expect(message.error?.error.type).toBe("api_error");
    expect(message.stopReason).toBeUndefined();
  });

  test("name the field, and cost the upstream nothing", async () => {
    await using harness = await startHarness();
    const body = { model: "qwen3-max", messages: [says("Hello")] };
    const missing = await readMessage(await harness.post("/v1/messages", body));
    const broken = await readMessage(await harness.post("/v1/messages", "{"));
    const unknown = await readMessage(await harness.post("/v1/messages/batches", body));
    const wrongMethod = await readMessage(await harness.get("/v1/messages"));

    expect(missing).toMatchObject({ status: 400, error: { error: { type: "invalid_request_error" } } });
    expect(missing.error?.error.message).toContain('"max_tokens" is missing');
    expect(broken).toMatchObject({ status: 400, error: { error: { type: "invalid_request_error" } } });
    expect(unknown).toMatchObject({ status: 404, error: { error: { type: "not_found_error" } } });
    expect(wrongMethod).toMatchObject({ status: 405, error: { error: { type: "invalid_request_error" } } });
    expect(harness.emulator.requests.filter(({ on }) => on === "completions")).toEqual([]);
  });

  test("an overload has Anthropic's own status", async () => {
    await using harness = await startHarness({ environment: { MAX_STREAMS: "1" } });
    harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
    harness.emulator.release("held", 2);
    const first = await harness.post("/v1/messages", {
      model: "qwen3-max",
      max_tokens: 9,
      stream: true,
      messages: [says("Hello")],
    });
    const second = await send(harness, [says("Hello again")]);
    harness.emulator.release("held", "all");

    expect(second).toMatchObject({ status: 529, error: { error: { type: "overloaded_error" } } });
    expect((await readMessage(first)).stopReason).toBe("end_turn");
  });
});

test("a summary is asked for in the conversation's chat, and what goes on from it is told nothing else", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "Hello, Mira." } });
  harness.emulator.script({ match: "Summarize this conversation", reply: { text: "The user is Mira." } });
  const greeting = says("I am Mira");
  const greeted = await send(harness, [greeting]);
  const compaction = { type: "summarize" };
  const summary = await send(harness, [greeting, answered(greeted)], { stream: false, compaction });
  const [first, asked] = acceptedTurns(harness);
  await send(harness, [answered(summary), says("Say hello")]);

  expect(summary).toMatchObject({ content: [{ type: "compaction" }], stopReason: "compaction" });
  expect(asked).toMatchObject({ chatId: first?.chatId });
  expect(asked?.content).not.toContain("Hello, Mira.");
  expect(lastTurn(harness).chatId).not.toBe(first!.chatId);
  expect(lastTurn(harness).content).toContain("The user is Mira.");
  expect(lastTurn(harness).content).not.toContain("Hello, Mira.");
});

test.each([true, false])(
  "a summary has no thoughts and no wrapper in it, whatever is set, streamed: %p",
  async (stream) => {
    await using harness = await startHarness({
      environment: { REASONING_DISPLAY: "tags", WRAP_ANSWER: "attempt_completion" },
    });
    harness.emulator.script({ reply: { thinking: "Hm.", text: "The user is Mira." } });
    const body = { model: "qwen3-max", max_tokens: 900, stream, compaction: { type: "summarize" } };
    const response = await harness.post("/v1/messages", { ...body, messages: [says("I am Mira")] });

    expect(await response.text()).toContain('"content":"The user is Mira."');
  },
);

test("a hang-up stops the generation [R0-034] [R0-035]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ gate: "held", reply: { text: "one two three four" } });
  harness.emulator.release("held", 2);
  const controller = new AbortController();
  const body = { model: "qwen3-max", max_tokens: 9, stream: true, messages: [says("Hello")] };
  const response = await harness.post("/v1/messages", body, { signal: controller.signal });
  await response.body!.getReader().read();
  expect(await openReplies(harness)).toBe(1);
  controller.abort();
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop" && request.status !== 0));
  await untilIdle(harness);

  expect(lastTurn(harness).record.finished).toBe(false);
});

test("count_tokens grows with text and tools, and asks nobody", async () => {
  await using harness = await startHarness();
  const count = async (body: object) => {
    const response = await harness.post("/v1/messages/count_tokens?beta=true", { model: "qwen3-max", ...body });
    expect(response.status).toBe(200);
    // The shape is what the test asserts.
    return ((await response.json()) as { input_tokens: number }).input_tokens;
  };
  const short = await count({ messages: [says("Hello")] });
  const long = await count({ messages: [says("Hello ".repeat(100))] });
  const withTools = await count({
    messages: [says("Hello")],
    system: "Be brief.",
    tools: [{ name: "look", description: "Looks around.", input_schema: { type: "object" } }],
  });
  const refused = await readMessage(await harness.post("/v1/messages/count_tokens", { model: "qwen3-max" }));

  expect(short).toBeGreaterThan(0);
  expect(long).toBeGreaterThan(short + 90);
  expect(withTools).toBeGreaterThan(short);
  expect(refused).toMatchObject({ status: 400, error: { error: { type: "invalid_request_error" } } });
  expect(harness.emulator.requests.filter(({ on }) => on === "completions")).toEqual([]);
});

test("what a service did by itself in a history is told, and its conversation goes on in its chat", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "It rains." } });
  harness.emulator.script({ reply: { text: "Still." } });
  const history = [
    says("Look it up"),
    {
      role: "assistant",
      content: [
        { type: "mcp_tool_use", id: "mcptoolu_1", name: "look", server_name: "docs", input: { q: "rain" } },
        {
          type: "mcp_tool_result",
          tool_use_id: "mcptoolu_1",
          is_error: false,
          content: [{ type: "text", text: "Rain in Paris." }],
        },
        { type: "text", text: "I looked." },
      ],
    },
    says("And?"),
  ];
  const first = await send(harness, history);
  const before = lastTurn(harness);
  await send(harness, [...history, answered(first), says("Still?")]);

  expect(before.content).toContain('The tool "look" of the MCP server "docs" was called with {"q":"rain"}.');
  expect(before.content).toContain("Rain in Paris.");
  expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
});
