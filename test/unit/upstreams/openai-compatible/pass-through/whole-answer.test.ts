// Whole answers on the pass-through lane: passed on as they came if nothing is missing in them, else told to be made anew.

import { expect, test } from "bun:test";
import type { UpstreamEvent } from "../../../../../src/contract/events.ts";
import type { JsonObject } from "../../../../../src/contract/json.ts";
import { readWholeAnswer } from "../../../../../src/upstreams/openai-compatible/pass-through/whole-answer.ts";
import { testSource } from "../../../../support/compatible-recordings.ts";

const message = { role: "assistant", content: "yes" };
const answer = {
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message, finish_reason: "stop" }],
  usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
};

function read(body: JsonObject): { readonly passed: string | undefined; readonly types: readonly string[] } {
  const { decoder, passThrough } = readWholeAnswer(JSON.stringify(body), body, {
    model: "m",
    toldModel: "m",
    wantsUsage: true,
    source: testSource,
    thinkTags: true,
    cumulativeDeltas: false,
    doneIsFinish: false,
    tools: [],
    rescue: "none",
    createId: () => "made",
  });
  let passed = "";
  const types: string[] = [];
  const emit = (event: UpstreamEvent): void => {
    types.push(event.type);
    if (event.type === "frames") passed += new TextDecoder().decode(event.bytes);
  };
  decoder.end(emit);
  return { passed: passThrough === undefined ? undefined : passed, types };
}

test("what is sound is passed on as it came, with what the gateway counts beside it", () => {
  expect(read(answer)).toEqual({
    passed: JSON.stringify(answer),
    types: ["frames", "reply-start", "usage-update", "reply-end"],
  });
});

test.each([
  ["no usage, but timings", { usage: undefined, timings: { prompt_n: 3, predicted_n: 4 } }],
  ["usage that counts nothing", { usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } }],
  ["usage without a sum", { usage: { prompt_tokens: 3, completion_tokens: 4 } }],
  ["usage in text", { usage: { prompt_tokens: "3", completion_tokens: "4", total_tokens: "7" } }],
  ["a finish that is none", { choices: [{ index: 0, message, finish_reason: "" }] }],
  ["no role", { choices: [{ index: 0, message: { content: "yes" }, finish_reason: "stop" }] }],
  [
    "words in parts",
    { choices: [{ index: 0, message: { ...message, content: [{ text: "yes" }] }, finish_reason: "stop" }] },
  ],
])("%s: it is made anew", (_, changes) => {
  const { passed, types } = read({ ...answer, ...changes });
  expect(passed).toBeUndefined();
  expect(types).toContain("text-delta");
  expect(types.at(-1)).toBe("reply-end");
});

test("an answer that says nothing says so with a text: clients send it back, and null without calls is refused", () => {
  const silent = (fields: object) => ({ ...answer, choices: [{ index: 0, message: fields, finish_reason: "stop" }] });
  const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
  const calls = { role: "assistant", content: null, tool_calls: [call] };
  const called = { ...answer, choices: [{ index: 0, message: calls, finish_reason: "tool_calls" }] };

  expect(read(silent({ role: "assistant", content: null })).passed).toBeUndefined();
  expect(read(silent({ role: "assistant" })).passed).toBeUndefined();
  expect(read(silent({ role: "assistant", content: "" })).passed).toBeString();
  expect(read(silent({ role: "assistant", content: null, refusal: "no" })).passed).toBeString();
  expect(read(silent({ role: "assistant", content: null, reasoning_content: "hm" })).passed).toBeString();
  expect(read(called).passed).toBeString();
});
