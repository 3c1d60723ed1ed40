// Calls without results, and results without calls: what a server that looks for both is sent.

import { expect, test } from "bun:test";
import type { Message } from "../../../../../src/contract/chat-request.ts";
import { pairResults } from "../../../../../src/upstreams/openai-compatible/request/paired-results.ts";

const text = (value: string) => [{ type: "text" as const, text: value }];
const user = (value: string): Message => ({ role: "user", content: text(value) });
const calls = (...ids: string[]): Message => ({
  role: "assistant",
  content: [],
  toolCalls: ids.map((callId) => ({ callId, toolName: "read", argumentsText: "{}" })),
});
const result = (callId: string): Message => ({ role: "tool", callId, content: text(`of ${callId}`) });
const givenUp = (callId: string): Message => ({
  role: "tool",
  callId,
  content: text("(There is no result: the call was given up.)"),
});
const alone = (callId: string) => user(`(The result of a call that is no longer here:)\nof ${callId}`);

test.each([
  ["no call", [user("a"), calls(), user("b")]],
  ["all results", [user("a"), calls("1", "2"), result("1"), result("2"), calls(), user("b")]],
] as const)("a history with %s stays the same", (_, messages) => {
  expect(pairResults(messages)).toBe(messages);
});

test.each([
  [
    "a call that was given up",
    [calls("1", "2"), result("2"), user("b")],
    [calls("1", "2"), givenUp("1"), result("2"), user("b")],
  ],
  ["a last call", [user("a"), calls("1")], [user("a"), calls("1"), givenUp("1")]],
  ["a result behind somebody's words", [calls("1"), user("b"), result("1")], [calls("1"), result("1"), user("b")]],
  ["a result whose call is gone", [result("1"), user("b"), calls()], [alone("1"), user("b"), calls()]],
  [
    "a result behind another answer",
    [calls("1"), result("1"), calls(), result("1")],
    [calls("1"), result("1"), calls(), alone("1")],
  ],
] as const)("%s is put right", (_, messages, paired) => {
  expect(pairResults(messages)).toEqual([...paired]);
});
