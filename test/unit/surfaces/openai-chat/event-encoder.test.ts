// Chat events to chunks: the order and the fields that clients break on.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import type { ChatEvent } from "../../../../src/contract/events.ts";
import { createEventEncoder } from "../../../../src/surfaces/openai-chat/event-encoder.ts";
import { parseRequest } from "../../../../src/surfaces/openai-chat/parse-request.ts";
import { checkChatStream } from "../../../support/checkers/check-chat-stream.ts";
import { parseChatStream } from "../../../support/sse-frames.ts";

const usage = { inputTokens: 5, outputTokens: 7, totalTokens: 12, cachedTokens: 2, reasoningTokens: 3 };

function encode(events: readonly ChatEvent[], includeUsage = false, fields: object = {}): string {
  const request = parseRequest({
    messages: [{ role: "user", content: "x" }],
    stream: true,
    stream_options: { include_usage: includeUsage },
    ...fields,
  });
  const encoder = createEventEncoder(request, { replyId: "r1", model: 'qwen "π"', createdAtMs: 1_790_000_000_999 });
  for (const event of events) encoder.write(event);
  return new TextDecoder().decode(encoder.take());
}

const start: ChatEvent = { type: "reply-start" };
const end: ChatEvent = { type: "reply-end", finishReason: "stop", usage };
const textDelta = (text: string): ChatEvent => ({ type: "text-delta", index: 0, text: jsonText(text) });

describe("createEventEncoder", () => {
  test("gives every chunk the same id, second, model, and index 0", () => {
    const { chunks } = parseChatStream(encode([start, textDelta("a"), textDelta("b"), end]));
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({
        id: "chatcmpl-r1",
        object: "chat.completion.chunk",
        created: 1_790_000_000,
        model: 'qwen "π"',
        choices: [{ index: 0 }],
      });
    }
  });

  test("says the role first, the finish reason once and last, then [DONE] [R0-020] [R0-022]", () => {
    const stream = parseChatStream(encode([start, textDelta("a"), end]));
    expect(stream.chunks[0]?.choices[0]?.delta.role).toBe("assistant");
    expect(stream.chunks.at(-1)?.choices[0]).toMatchObject({ delta: {}, finish_reason: "stop" });
    expect(stream.chunks.slice(0, -1).every((chunk) => chunk.choices[0]?.finish_reason === null)).toBe(true);
    expect([stream.doneCount, stream.frames.at(-1)?.data]).toEqual([1, "[DONE]"]);
  });

  test.each([
    ["none", []],
    ["empty", [""]],
    ["some", ['{"a":', "1}"]],
  ])("arguments put together are JSON: %s", (_name, pieces) => {
    const stream = encode([
      start,
      { type: "block-start", index: 0, block: "tool-call", callIndex: 0, callId: "c", toolName: "look" },
      ...pieces.map((text): ChatEvent => ({ type: "tool-call-delta", index: 0, callIndex: 0, argumentsText: text })),
      { type: "block-end", index: 0, block: "tool-call" },
      { type: "reply-end", finishReason: "tool_calls", usage },
    ]);

    expect(checkChatStream(stream, { includeUsage: false })).toEqual([]);
  });

  test("sends usage between finish and [DONE], only when asked [R0-021] [R0-023]", () => {
    const asked = parseChatStream(encode([start, end], true));
    expect(asked.chunks.at(-1)).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: 5,
        completion_tokens: 7,
        total_tokens: 12,
        prompt_tokens_details: { cached_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    });
    expect(parseChatStream(encode([start, end])).usage).toBeUndefined();
  });

  test("carries any text unchanged", () => {
    const text = 'line\nquote " back \\ emoji 😀 \u2028 nul \u0000 中文';
    expect(parseChatStream(encode([start, textDelta(text)])).text).toBe(text);
  });

  test("keeps reasoning out of the content", () => {
    const thought: ChatEvent = { type: "reasoning-delta", index: 0, text: jsonText("hm") };
    const stream = parseChatStream(encode([start, thought, end]));
    expect([stream.reasoning, stream.text]).toEqual(["hm", ""]);
  });

  test("names a call in its first fragment only, numbered among the calls", () => {
    const body = encode([
      start,
      { type: "block-start", index: 1, block: "tool-call", callIndex: 0, callId: "c1", toolName: "look" },
      { type: "tool-call-delta", index: 1, callIndex: 0, argumentsText: '{"a":' },
      { type: "tool-call-delta", index: 1, callIndex: 0, argumentsText: "1}" },
    ]);
    const calls = parseChatStream(body)
      .chunks.slice(1)
      .map((chunk) => (chunk.choices[0]?.delta as { tool_calls?: unknown } | undefined)?.tool_calls);
    expect(calls).toEqual([
      [{ index: 0, id: "c1", type: "function", function: { name: "look", arguments: "" } }],
      [{ index: 0, function: { arguments: '{"a":' } }],
      [{ index: 0, function: { arguments: "1}" } }],
    ]);
  });

  test("tells a client that declares functions the first call alone, in function_call", () => {
    const call = (callIndex: number, pieces: readonly string[]): ChatEvent[] => [
      { type: "block-start", index: callIndex, block: "tool-call", callIndex, callId: "c", toolName: "look" },
      ...pieces.map((text): ChatEvent => ({
        type: "tool-call-delta",
        index: callIndex,
        callIndex,
        argumentsText: text,
      })),
      { type: "block-end", index: callIndex, block: "tool-call" },
    ];
    const told = (events: readonly ChatEvent[]): unknown[] =>
      parseChatStream(encode(events, false, { functions: [{ name: "look" }] })).chunks.map(({ choices }) => choices[0]);
    const calls: ChatEvent = { type: "reply-end", finishReason: "tool_calls", usage };
    const pieces = told([start, ...call(0, ['{"a":', "1}"]), ...call(1, ["{}"]), calls]).slice(1);

    expect(pieces).toEqual([
      { index: 0, delta: { function_call: { name: "look", arguments: "" } }, finish_reason: null },
      { index: 0, delta: { function_call: { arguments: '{"a":' } }, finish_reason: null },
      { index: 0, delta: { function_call: { arguments: "1}" } }, finish_reason: null },
      { index: 0, delta: {}, finish_reason: "function_call" },
    ]);
    expect(told([start, ...call(0, []), end])[2]).toMatchObject({ delta: { function_call: { arguments: "{}" } } });
  });

  test("ends a failure with an error frame and [DONE], without a finish reason [R0-029] [R0-030]", () => {
    const error = new GatewayError("upstream-failed", "It broke off");
    const stream = parseChatStream(encode([start, textDelta("a"), { type: "reply-error", error }]));
    expect(stream.error).toEqual({
      message: "It broke off",
      type: "upstream_error",
      param: null,
      code: "upstream_failed",
    });
    expect([stream.finishReasons, stream.doneCount]).toEqual([[], 1]);
  });

  test("empties what it hands out", () => {
    const request = parseRequest({ messages: [{ role: "user", content: "x" }] });
    const encoder = createEventEncoder(request, { replyId: "r", model: "m", createdAtMs: 0 });
    encoder.writeHeartbeat();
    expect(new TextDecoder().decode(encoder.take())).toBe(": keepalive\n\n");
    expect(encoder.take()).toHaveLength(0);
  });
});
