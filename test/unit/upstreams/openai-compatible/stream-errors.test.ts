// Errors inside a stream, in every form that servers write, on both lanes. Told by a server that ends its streams without
// a finish, an error that nobody saw would make a good end of an answer that broke off.

import { describe, expect, test } from "bun:test";
import { chunk, createTestDecoder } from "../../../support/compatible-recordings.ts";
import { passAll } from "../../../support/passed-stream.ts";
import { decodeAll } from "../../../support/recordings.ts";

const frame = (event: object | string): string =>
  `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`;
const words = frame(chunk({ role: "assistant", content: "a" })) + frame(chunk({ content: "b" }));
const answer = { message: { role: "assistant", content: "yes" }, finish_reason: "stop", index: 0 };

const translated = (text: string) =>
  decodeAll(createTestDecoder({ doneIsFinish: true }), [new TextEncoder().encode(text)]);
const passed = (text: string) =>
  passAll([new TextEncoder().encode(text)], { toldModel: "qwen3.6-27b", doneIsFinish: true });

const forms: readonly (readonly [form: string, kind: string])[] = [
  [frame({ error: { message: "no GPU", code: 500 } }), "upstream-failed"],
  [frame({ error: "no GPU" }), "upstream-failed"],
  [frame({ errors: { message: "no GPU" }, request_id: "r" }), "upstream-failed"],
  [frame({ errors: [{ message: "no GPU" }] }), "upstream-failed"],
  [frame({ code: "Throttling", message: "Requests rate limit exceeded", request_id: "r" }), "upstream-quota"],
  [frame({ message: "no GPU" }), "upstream-failed"],
  [frame({ detail: "no GPU", request_id: "r" }), "upstream-failed"],
  [frame({ type: "error", message: "no GPU" }), "upstream-failed"],
  [frame({ object: "error", message: "no GPU", code: 500 }), "upstream-failed"],
  [frame({ choices: [{ index: 0, delta: { content: "no GPU" }, finish_reason: "error" }] }), "upstream-failed"],
  [`event: error\n${frame({ message: "no GPU" })}`, "upstream-failed"],
  [`event: error\n${frame("Too many requests")}`, "upstream-quota"],
  // llama.cpp, 2024 to 2025: the name of the field says it.
  ['error: {"code":500,"message":"no GPU","type":"server_error"}\n\n', "upstream-failed"],
  ['error:{"code":429,"message":"Too many requests"}\n\n', "upstream-quota"],
  ['{"error":{"message":"no GPU","code":500}}\n\n', "upstream-failed"],
  ['{"error":{"message":"no GPU","code":500}}', "upstream-failed"],
];

describe("an error", () => {
  test.each([...forms])("%j behind words is no end of an answer", (form, kind) => {
    const events = translated(`${words}${form}${form.endsWith("\n") ? frame("[DONE]") : ""}`);
    expect(events.at(-1)).toMatchObject({ type: "reply-error", kind });
    const { text, told } = passed(`${words}${form}${form.endsWith("\n") ? frame("[DONE]") : ""}`);
    expect([text, told]).toEqual([words, [`error ${kind}`]]);
  });

  test.each([
    frame({ type: "ping", message: "still here" }),
    frame({ status: "loading", message: "soon" }),
    frame({ errors: null, choices: [] }),
    "x-error: {}\n\n",
    "errors\n\n",
    "{broken\n\n",
  ])("%j is none", (form) => {
    const text = words + form + frame("[DONE]");
    expect(translated(text).at(-1)).toMatchObject({ type: "reply-end", finishReason: "stop" });
    expect(passed(text).told).toEqual(["end stop"]);
  });
});

test("a whole answer that is called a stream, and framed as none, is told", () => {
  const body = JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "m", choices: [answer] });
  for (const text of [body, `${body}\n`, `${body}\n\n`]) {
    expect(translated(text)).toMatchObject([
      { type: "reply-start" },
      { type: "text-delta", text: "yes" },
      { type: "reply-end", finishReason: "stop" },
    ]);
    expect(passed(text).told).toEqual(["end stop"]);
    expect(passed(text).text).toContain('"content":"yes"');
  }
});
