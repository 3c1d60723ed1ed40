// Chat events to events of a message: the order and the fields that clients break on.

import { describe, expect, test } from "bun:test";
import type { ChatEvent } from "../../../../src/contract/events.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import type { EventEncoder } from "../../../../src/contract/surface.ts";
import { createEventEncoder } from "../../../../src/surfaces/anthropic-messages/event-encoder.ts";
import { parseRequest } from "../../../../src/surfaces/anthropic-messages/parse-request.ts";
import { checkMessagesStream } from "../../../support/checkers/check-messages-stream.ts";
import { readMessageStream } from "../../../support/read-message.ts";
import { parseFrames } from "../../../support/sse-frames.ts";

const usage = { inputTokens: 50, outputTokens: 7, totalTokens: 57, cachedTokens: 20, reasoningTokens: 3 };

function create(fields: object = {}): EventEncoder {
  const request = parseRequest({ max_tokens: 9, messages: [{ role: "user", content: "Hello there" }], ...fields });
  return createEventEncoder(request, { replyId: "r1", model: 'qwen "π"', createdAtMs: 0 });
}

/** @param takeAfter after how many events each the bytes are taken */
function encode(events: readonly ChatEvent[], fields: object = {}, takeAfter = events.length): string {
  const encoder = create(fields);
  const pieces: Uint8Array[] = [];
  for (const [index, event] of events.entries()) {
    encoder.write(event);
    if ((index + 1) % takeAfter === 0) pieces.push(encoder.take());
  }
  pieces.push(encoder.take());
  return new TextDecoder().decode(Buffer.concat(pieces));
}

const text = 'line\nquote " back \\ emoji 😀 \u2028 nul \u0000 中文';
const whole: readonly ChatEvent[] = [
  { type: "reply-start" },
  { type: "block-start", index: 0, block: "reasoning" },
  { type: "reasoning-delta", index: 0, text: jsonText("I ") },
  { type: "reasoning-delta", index: 0, text: jsonText("think.") },
  { type: "block-end", index: 0, block: "reasoning" },
  { type: "source", source: { url: "https://a.example", title: "A", snippet: undefined } },
  { type: "block-start", index: 1, block: "text" },
  { type: "text-delta", index: 1, text: jsonText(text) },
  { type: "block-end", index: 1, block: "text" },
  { type: "block-start", index: 2, block: "tool-call", callIndex: 0, callId: "call_1", toolName: "look" },
  { type: "tool-call-delta", index: 2, callIndex: 0, argumentsText: '{"a":' },
  { type: "tool-call-delta", index: 2, callIndex: 0, argumentsText: '"é"}' },
  { type: "block-end", index: 2, block: "tool-call" },
  { type: "block-start", index: 3, block: "tool-call", callIndex: 1, callId: "functions.wait:0", toolName: "wait" },
  { type: "block-end", index: 3, block: "tool-call" },
  { type: "reply-end", finishReason: "tool_calls", usage },
];

describe("createEventEncoder", () => {
  test("tells a message in Anthropic's order, whenever its bytes are taken", () => {
    const body = encode(whole);

    expect(parseFrames(body).map(({ event }) => event)).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "content_block_start",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "content_block_start",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    for (let takeAfter = 1; takeAfter < whole.length; takeAfter++) expect(encode(whole, {}, takeAfter)).toBe(body);
  });

  test("carries thoughts with one signature, text unchanged, and calls with whole inputs", () => {
    const message = readMessageStream(encode(whole));

    expect(message.content).toEqual([
      { type: "thinking", thinking: "I think.", signature: expect.stringMatching(/^[\w+/=]+$/) },
      {
        type: "text",
        text,
        citations: [
          {
            type: "web_search_result_location",
            url: "https://a.example",
            title: "A",
            cited_text: "A",
            encrypted_index: "",
          },
        ],
      },
      { type: "tool_use", id: "toolu_call_1", name: "look", input: { a: "é" } },
      { type: "tool_use", id: "toolu_functions_wait_0", name: "wait", input: {} },
    ]);
    expect(message).toMatchObject({ id: "msg_r1", model: 'qwen "π"', stopReason: "tool_use", stopSequence: null });
  });

  test.each([
    ["no arguments", [""], {}],
    ["an object in pieces", ['{"a"', ":1", "}"], { a: 1 }],
    ["what is no object", ['"a.txt"'], {}],
    ["what nothing can read", ['{"a": @@, ', '"x": }'], {}],
    ["what was cut off", ['{"a": "b'], {}],
    ["a long one", ['{"a":"', "x".repeat(5000), '"}'], { a: "x".repeat(5000) }],
  ])("an input is an object whatever the model wrote: %s", (_name, pieces, input) => {
    const call = {
      type: "block-start",
      index: 0,
      block: "tool-call",
      callIndex: 0,
      callId: "c",
      toolName: "t",
    } as const;
    const delta = (argumentsText: string) =>
      ({ type: "tool-call-delta", index: 0, callIndex: 0, argumentsText }) as const;
    const end = { type: "block-end", index: 0, block: "tool-call" } as const;
    const body = encode([
      { type: "reply-start" },
      call,
      ...pieces.map(delta),
      end,
      { type: "reply-end", finishReason: "tool_calls", usage },
    ]);

    expect(checkMessagesStream(body)).toEqual([]);
    expect(readMessageStream(body).content).toEqual([{ type: "tool_use", id: "toolu_c", name: "t", input }]);
  });

  test("a long input is told before it is whole", () => {
    const encoder = create();
    encoder.write({ type: "reply-start" });
    encoder.write({ type: "block-start", index: 0, block: "tool-call", callIndex: 0, callId: "c", toolName: "t" });
    encoder.take();
    const argumentsText = `{"a":"${"x".repeat(5000)}`;
    encoder.write({ type: "tool-call-delta", index: 0, callIndex: 0, argumentsText });

    expect(encoder.pendingBytes).toBeGreaterThan(5000);
  });

  test("estimates the prompt at the start, and tells what was counted at the end", () => {
    const { firstUsage, usage: told } = readMessageStream(encode(whole));

    expect(firstUsage?.input_tokens).toBeGreaterThan(0);
    expect(firstUsage?.output_tokens).toBe(0);
    expect(told as object).toEqual({
      input_tokens: 30,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 0,
      output_tokens: 7,
      output_tokens_details: { thinking_tokens: 3 },
    });
  });

  test("keeps the text of thoughts back where the client wants that, and signs them all the same", () => {
    const { content } = readMessageStream(encode(whole, { thinking: { type: "adaptive", display: "omitted" } }));

    expect(content[0]).toEqual({ type: "thinking", thinking: "", signature: expect.stringMatching(/./) });
  });

  test.each([
    ["stop", undefined, "end_turn"],
    ["length", undefined, "max_tokens"],
    ["tool_calls", undefined, "tool_use"],
    ["content_filter", undefined, "refusal"],
    ["stop", "END", "stop_sequence"],
    ["tool_calls", "END", "tool_use"],
  ] as const)("gives the reason for %s, cut at %p, as %s", (finishReason, sequence, expected) => {
    const cut: readonly ChatEvent[] = sequence === undefined ? [] : [{ type: "stop-sequence", sequence }];
    const called = finishReason === "tool_calls" ? whole.slice(-3, -1) : [];
    const calls = called.map((event) => ("index" in event ? { ...event, index: 0 } : event));
    const message = readMessageStream(
      encode([{ type: "reply-start" }, ...cut, ...calls, { type: "reply-end", finishReason, usage }]),
    );

    expect(message.stopReason).toBe(expected);
    expect(message.stopSequence).toBe(expected === "stop_sequence" ? "END" : null);
  });

  test("says that it lives by a ping, behind the start of its message", () => {
    const encoder = create();
    encoder.writeHeartbeat();
    encoder.writeHeartbeat();
    encoder.write({ type: "reply-start" });
    encoder.write({ type: "reply-end", finishReason: "stop", usage });
    const frames = parseFrames(new TextDecoder().decode(encoder.take()));

    expect(frames.map(({ event }) => event)).toEqual([
      "message_start",
      "ping",
      "ping",
      "message_delta",
      "message_stop",
    ]);
    expect(frames[1]?.data).toBe('{"type":"ping"}');
    expect(encoder.take()).toHaveLength(0);
  });

  test("ends a failure with an error event alone", () => {
    const error = new GatewayError("overloaded", "Too much");
    const frames = parseFrames(encode([...whole.slice(0, 3), { type: "reply-error", error }]));

    expect(frames.at(-1)).toEqual({
      event: "error",
      data: '{"type":"error","error":{"type":"overloaded_error","message":"Too much"}}',
    });
  });
});
