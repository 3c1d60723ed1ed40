// Whole answers, errors and counts, and that a client's echo of an answer has the answer's own form.

import { describe, expect, test } from "bun:test";
import type { ChatReply } from "../../../../src/contract/chat-reply.ts";
import { type ErrorKind, GatewayError, httpStatus } from "../../../../src/contract/gateway-error.ts";
import { statusOn } from "../../../../src/contract/surface.ts";
import { canonicalTurns } from "../../../../src/conversation/canonical.ts";
import { parseRequest } from "../../../../src/surfaces/anthropic-messages/parse-request.ts";
import { anthropicMessages, encodeReply } from "../../../../src/surfaces/anthropic-messages/surface.ts";
import { parseRequest as parseChat } from "../../../../src/surfaces/openai-chat/parse-request.ts";

const hello = { role: "user", content: "Hello" };
const request = parseRequest({ max_tokens: 9, messages: [hello] });
const reply: ChatReply = {
  identity: { replyId: "r1", model: "m", createdAtMs: 0 },
  text: "Words.",
  reasoning: "Hm.",
  toolCalls: [
    { callId: "call_1", toolName: "look", argumentsText: '{"b":1,"a":[2]}' },
    { callId: "call_2", toolName: "wait", argumentsText: "" },
  ],
  sources: [],
  finishReason: "tool_calls",
  usage: { inputTokens: 5, outputTokens: 7, totalTokens: 12 },
};

describe("encodeReply", () => {
  test("gives a message with thoughts, text and calls in this order", () => {
    expect(encodeReply(request, reply)).toEqual({
      id: "msg_r1",
      type: "message",
      role: "assistant",
      model: "m",
      content: [
        { type: "thinking", thinking: "Hm.", signature: expect.stringMatching(/./) },
        { type: "text", text: "Words." },
        { type: "tool_use", id: "toolu_call_1", name: "look", input: { b: 1, a: [2] } },
        { type: "tool_use", id: "toolu_call_2", name: "wait", input: {} },
      ],
      stop_reason: "tool_use",
      stop_sequence: null,
      usage: { input_tokens: 5, output_tokens: 7, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
    });
  });

  test.each(["[1]", '"text"', '{"cut', "null"])("gives an object as input, whatever the model wrote: %s", (written) => {
    const calls = [{ callId: "c", toolName: "look", argumentsText: written }];
    const { content } = encodeReply(request, { ...reply, text: "", reasoning: "", toolCalls: calls }) as {
      content: unknown;
    };

    expect(content).toEqual([{ type: "tool_use", id: "toolu_c", name: "look", input: {} }]);
  });

  test("names the mark at which it was cut", () => {
    const cut = { ...reply, toolCalls: [], finishReason: "stop", stopSequence: "END" } as const;

    expect(encodeReply(request, cut)).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "END" });
  });
});

test("an answer that comes back is the answer that was given, here and as a chat completion", () => {
  const { content } = encodeReply(request, reply) as { content: object[] };
  const results = [
    { type: "tool_result", tool_use_id: "toolu_call_2", content: "done" },
    { type: "tool_result", tool_use_id: "toolu_call_1", content: [{ type: "text", text: "a door" }] },
    { type: "text", text: "Go on" },
  ];
  const here = parseRequest({
    max_tokens: 9,
    messages: [hello, { role: "assistant", content }, { role: "user", content: results }],
  });
  const toolCalls = reply.toolCalls.map(({ callId, toolName, argumentsText }) => ({
    id: callId,
    type: "function",
    function: { name: toolName, arguments: argumentsText },
  }));
  const there = parseChat({
    messages: [
      hello,
      { role: "assistant", content: "Words.", tool_calls: toolCalls },
      { role: "tool", tool_call_id: "call_1", content: "a door" },
      { role: "tool", tool_call_id: "call_2", content: "done" },
      { role: "user", content: "Go on" },
    ],
  });
  const turns = (messages: typeof here.messages) => canonicalTurns(messages).map(({ endIndex: _end, ...turn }) => turn);

  expect(turns(here.messages)).toEqual(turns(there.messages));
  expect(here.messages[1]).toMatchObject({ reasoning: "Hm.", toolCalls: [{ callId: "call_1" }, { callId: "call_2" }] });
});

describe("encodeError", () => {
  test("tells clients that would have their history kept to send it", () => {
    const error = new GatewayError("invalid-request", "No threads", { param: "thread" });

    expect(anthropicMessages.encodeError(error, "req_1")).toMatchObject({
      error: { details: { error_code: "thread_unsupported_request" } },
    });
  });

  const types: Readonly<Record<ErrorKind, readonly [type: string, status: number]>> = {
    "invalid-request": ["invalid_request_error", 400],
    "context-too-long": ["invalid_request_error", 400],
    "content-filtered": ["invalid_request_error", 400],
    unauthenticated: ["authentication_error", 401],
    forbidden: ["permission_error", 403],
    "not-found": ["not_found_error", 404],
    "model-not-found": ["not_found_error", 404],
    "method-not-allowed": ["invalid_request_error", 405],
    "upgrade-refused": ["invalid_request_error", 426],
    gone: ["not_found_error", 410],
    "too-large": ["request_too_large", 413],
    "head-too-large": ["request_too_large", 431],
    "rate-limited": ["rate_limit_error", 429],
    "upstream-quota": ["rate_limit_error", 429],
    internal: ["api_error", 500],
    "not-served": ["api_error", 501],
    "upstream-failed": ["api_error", 502],
    "upstream-auth": ["api_error", 502],
    "answer-unfit": ["api_error", 502],
    overloaded: ["overloaded_error", 529],
    "upstream-challenge": ["api_error", 503],
    "upstream-timeout": ["timeout_error", 504],
  };

  // Total tables: both hold every kind.
  test.each(Object.keys(httpStatus) as ErrorKind[])("gives %s Anthropic's type and status", (kind) => {
    expect(anthropicMessages.encodeError(new GatewayError(kind, "It failed"), "req_1")).toEqual({
      type: "error",
      error: { type: types[kind][0], message: "It failed" },
      request_id: "req_1",
    });
    expect(statusOn(anthropicMessages, kind)).toBe(types[kind][1]);
  });
});
