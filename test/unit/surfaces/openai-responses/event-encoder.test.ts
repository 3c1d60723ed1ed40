// Chat events to the events of a response: their order, their numbers, and that a whole answer says the same.

import { describe, expect, test } from "bun:test";
import type { ChatReply } from "../../../../src/contract/chat-reply.ts";
import type { ChatEvent } from "../../../../src/contract/events.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import { createEventEncoder } from "../../../../src/surfaces/openai-responses/event-encoder.ts";
import { responseIdOf } from "../../../../src/surfaces/openai-responses/items.ts";
import { parseRequest } from "../../../../src/surfaces/openai-responses/parse-request.ts";
import { encodeReply } from "../../../../src/surfaces/openai-responses/response-object.ts";
import { parseResponseStream } from "../../../support/response-frames.ts";

const usage = { inputTokens: 5, outputTokens: 7, totalTokens: 12, cachedTokens: 2, reasoningTokens: 3 };
const identity = { replyId: "0123456789abcdef0123456789abcdef", model: "qwen3-max", createdAtMs: 1_790_000_000_999 };
const tools = [
  { type: "function", name: "look", parameters: { type: "object" } },
  { type: "custom", name: "patch" },
  { type: "namespace", name: "agents", tools: [{ type: "function", name: "spawn" }] },
];

function encode(events: readonly ChatEvent[], fields: object = {}): string {
  const encoder = createEventEncoder(parseRequest({ input: "x", stream: true, ...fields }), identity);
  for (const event of events) encoder.write(event);
  return new TextDecoder().decode(encoder.take());
}

const start: ChatEvent = { type: "reply-start" };
const end: ChatEvent = { type: "reply-end", finishReason: "stop", usage };

function words(block: "text" | "reasoning", index: number, ...pieces: string[]): ChatEvent[] {
  const type = block === "text" ? "text-delta" : "reasoning-delta";
  return [
    { type: "block-start", index, block },
    ...pieces.map((piece): ChatEvent => ({ type, index, text: jsonText(piece) })),
    { type: "block-end", index, block },
  ];
}

function call(index: number, callIndex: number, toolName: string, ...pieces: string[]): ChatEvent[] {
  return [
    { type: "block-start", index, block: "tool-call", callIndex, callId: `call_${callIndex}`, toolName },
    ...pieces.map((argumentsText): ChatEvent => ({ type: "tool-call-delta", index, callIndex, argumentsText })),
    { type: "block-end", index, block: "tool-call" },
  ];
}

const rich = [
  start,
  ...words("reasoning", 0, "Hm", "."),
  ...words("text", 1, "He", "llo"),
  ...call(2, 0, "look", '{"a":', "1}"),
  { type: "reply-end", finishReason: "tool_calls", usage } as const,
];

describe("createEventEncoder", () => {
  test("tells every item from its beginning to its end, in this order", () => {
    expect(parseResponseStream(encode(rich, { tools })).types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.reasoning_summary_part.added",
      "response.reasoning_summary_text.delta",
      "response.reasoning_summary_text.delta",
      "response.reasoning_summary_text.done",
      "response.reasoning_summary_part.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.completed",
    ]);
  });

  test("numbers the events from 0 without a gap, and names each one twice", () => {
    const { frames, events } = parseResponseStream(encode(rich, { tools }));
    expect(events.map((event) => event["sequence_number"])).toEqual(events.map((_, index) => index));
    expect(frames.map(({ event }) => event ?? "none")).toEqual(events.map(({ type }) => type));
  });

  test("deltas belong to the item that was added, and add up to what is said at its end", () => {
    const { events, items, response } = parseResponseStream(encode(rich, { tools }));
    const ids = items.map(({ id }) => id);
    for (const event of events.filter((one) => "item_id" in one)) {
      expect(ids[event["output_index"] as number]).toBe(event["item_id"] as string);
    }
    expect(new Set(ids).size).toBe(3);
    expect(response["output"]).toEqual(items);
    expect(items).toMatchObject([
      { type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }] },
      {
        type: "message",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: "Hello", annotations: [] }],
      },
      { type: "function_call", status: "completed", call_id: "call_0", name: "look", arguments: '{"a":1}' },
    ]);
  });

  test("a whole answer says the same, ids included", () => {
    const streamed = parseResponseStream(encode(rich, { tools })).response;
    const reply: ChatReply = {
      identity,
      text: "Hello",
      reasoning: "Hm.",
      toolCalls: [{ callId: "call_0", toolName: "look", argumentsText: '{"a":1}' }],
      sources: [],
      finishReason: "tool_calls",
      usage,
    };
    expect(encodeReply(parseRequest({ input: "x", stream: true, tools }), reply)).toEqual(streamed as never);
  });

  test("the response object has what clients read, and repeats the request", () => {
    const fields = {
      tools,
      instructions: "be brief",
      previous_response_id: "resp_1",
      metadata: { a: "b" },
      store: false,
    };
    const { events, response } = parseResponseStream(encode([start, ...words("text", 0, "x"), end], fields));
    expect(events[0]).toMatchObject({ response: { status: "in_progress", output: [], usage: null, error: null } });
    expect(response).toMatchObject({
      id: "resp_0123456789abcdef0123456789abcdef",
      object: "response",
      created_at: 1_790_000_000,
      status: "completed",
      error: null,
      incomplete_details: null,
      model: "qwen3-max",
      tool_choice: "auto",
      parallel_tool_calls: true,
      ...fields,
      usage: {
        input_tokens: 5,
        input_tokens_details: { cache_write_tokens: 0, cached_tokens: 2 },
        output_tokens: 7,
        output_tokens_details: { reasoning_tokens: 3 },
        total_tokens: 12,
      },
    });
  });

  test("carries any text unchanged", () => {
    const text = 'line\nquote " back \\ emoji 😀 \u2028 nul \u0000 中文';
    const { events, items } = parseResponseStream(encode([start, ...words("text", 0, text), end]));
    expect(events.find(({ type }) => type.endsWith(".delta"))?.["delta"]).toBe(text);
    expect(items[0]).toMatchObject({ content: [{ text }] });
  });

  test("an answer that was cut at its length is incomplete, and so is its last item", () => {
    const cut: ChatEvent = { type: "reply-end", finishReason: "length", usage };
    const { types, items, response } = parseResponseStream(encode([start, ...words("text", 0, "x"), cut]));
    expect(types.at(-1)).toBe("response.incomplete");
    expect(items).toMatchObject([{ status: "incomplete" }]);
    expect(response).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });

  test("a failure is an error and response.failed, and nothing that was open looks complete", () => {
    const error = new GatewayError("upstream-failed", "Cannot read the answer: it broke off");
    const events = [start, ...words("text", 0, "x").slice(0, 2), { type: "reply-error", error } as const];
    const told = parseResponseStream(encode(events));
    const { types, items, response } = told;
    expect(types.slice(-3)).toEqual(["response.output_text.delta", "error", "response.failed"]);
    expect(items).toEqual([]);
    const fields = { code: "upstream_failed", message: "Cannot read the answer: it broke off", param: null };
    expect(told.events.at(-2)).toEqual({
      type: "error",
      sequence_number: 5,
      ...fields,
      error: { ...fields, type: "upstream_error" },
    });
    expect(response).toMatchObject({
      status: "failed",
      output: [],
      error: { code: "upstream_failed", message: "Cannot read the answer: it broke off" },
    });
  });

  test("a failure before the first word is told behind response.created", () => {
    const error = new GatewayError("upstream-timeout", "Too late");
    expect(parseResponseStream(encode([{ type: "reply-error", error }])).types).toEqual([
      "response.created",
      "response.in_progress",
      "error",
      "response.failed",
    ]);
  });

  test("no arguments are an empty object", () => {
    const { events, items } = parseResponseStream(encode([start, ...call(0, 0, "look"), end], { tools }));
    expect(events.filter(({ type }) => type.endsWith("arguments.delta")).map((event) => event["delta"])).toEqual([
      "{}",
    ]);
    expect(items).toMatchObject([{ arguments: "{}" }]);
  });

  test("a custom tool is given its text, a namespace its own name", () => {
    const events = [start, ...call(0, 0, "patch", '{"input":"*** ', 'Begin"}'), ...call(1, 1, "spawn", "{}"), end];
    const { types, items } = parseResponseStream(encode(events, { tools }));
    expect(types.filter((type) => type.includes("custom"))).toEqual([
      "response.custom_tool_call_input.delta",
      "response.custom_tool_call_input.done",
    ]);
    expect(items).toMatchObject([
      { type: "custom_tool_call", call_id: "call_0", name: "patch", input: "*** Begin" },
      { type: "function_call", call_id: "call_1", name: "spawn", namespace: "agents" },
    ]);
  });

  test("sources become annotations of the next text", () => {
    const source = { url: "https://example.com", title: "Example", snippet: undefined };
    const { types, items } = parseResponseStream(
      encode([start, { type: "source", source }, ...words("text", 0, "x"), end]),
    );
    expect(types).toContain("response.output_text.annotation.added");
    expect(items).toMatchObject([
      { content: [{ annotations: [{ type: "url_citation", url: "https://example.com" }] }] },
    ]);
  });

  test("heartbeats are comments", () => {
    const encoder = createEventEncoder(parseRequest({ input: "x" }), identity);
    encoder.writeHeartbeat();
    expect(new TextDecoder().decode(encoder.take())).toBe(": keepalive\n\n");
  });

  test("with ids, every frame begins with its own, and nothing else is written", () => {
    const request = parseRequest({ input: "x", stream: true, tools });
    const encoder = createEventEncoder(request, identity, { hasIds: true });
    encoder.writeHeartbeat();
    for (const event of rich) encoder.write(event);
    const frames = new TextDecoder().decode(encoder.take()).split("\n\n").slice(0, -1);

    expect(frames.map((frame) => frame.split("\n")[0])).toEqual(frames.map((_, index) => `id: ${index + 1}`));
    expect(frames).toHaveLength(22);
  });

  test("ends at items without end: the last event tells all of them once more", () => {
    const turns = Array.from({ length: 5000 }, (_, turn) => [
      ...words("reasoning", 2 * turn, "Hm"),
      ...words("text", 2 * turn + 1, "No"),
    ]);
    expect(() => encode([start, ...turns.flat()])).toThrow("longer than 32 MiB");
  });

  test("an item's id tells of which response it is", () => {
    const { items, response } = parseResponseStream(encode(rich, { tools }));
    expect(items.map(({ id }) => responseIdOf(id))).toEqual(items.map(() => response["id"] as string));
    expect(responseIdOf("msg_1")).toBeUndefined();
    expect(responseIdOf("toolu_0123456789")).toBeUndefined();
  });
});
