// The byte path says exactly what a parser would: on the recordings, and on texts made to mislead it.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DeltaTemplate } from "../../../../../src/upstreams/qwen-web/reply/delta-template.ts";
import { createEventDecoder } from "../../../../../src/upstreams/qwen-web/reply/event-decoder.ts";
import { decodeAll } from "../../../../support/recordings.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An event as the backend writes it, Python's spaces and raw UTF-8 included. */
function deltaOf(content: string, usage: string | undefined = '{"input_tokens": 9, "output_tokens": 1}'): string {
  const tail = usage === undefined ? "" : `, "usage": ${usage}, "timestamp": 1790000000`;
  return `{"choices": [{"delta": {"role": "assistant", "content": ${JSON.stringify(content)}, "phase": "answer", "status": "typing"}}], "response_id": "r"${tail}}`;
}

/** The way to the text that the parser takes. */
function readContent(event: unknown): unknown {
  // A cast: events of these tests have this shape.
  return (event as { choices?: readonly { delta: { content: unknown } }[] }).choices?.[0]?.delta.content;
}

const learn = (event: string, text: string) => DeltaTemplate.learn("text-delta", bytes(event), text, readContent);

describe("DeltaTemplate", () => {
  const learnt = learn(deltaOf("first"), "first");

  /** In the middle of a chunk, as it mostly stands. */
  function matches(data: Uint8Array): boolean | undefined {
    const chunk = new Uint8Array(data.length + 20).fill(34);
    chunk.set(data, 10);
    return learnt?.match(chunk, 10, 10 + data.length);
  }

  test("gives any text of the same shape unchanged", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (content) => {
        expect(matches(bytes(deltaOf(content)))).toBe(true);
        expect(learnt?.event.text.text).toBe(content);
      }),
    );
  });

  const misleading = [
    '"',
    "\\",
    '\\"',
    '\\\\"',
    '", "phase": "answer',
    '"usage": {',
    "\u2028\n\r\t",
    "a\\",
    "😀".repeat(50),
  ];
  test.each(misleading)("is not misled by %j", (content) => {
    expect(matches(bytes(deltaOf(content)))).toBe(true);
    expect(learnt?.event.text.text).toBe(content);
  });

  const others = [
    deltaOf("x").replace('"answer"', '"think"'),
    deltaOf("x").replace('"typing"', '"finished"'),
    deltaOf("x").replace('"r"', '"other"'),
    deltaOf("x").replace('"content"', '"extra": {}, "content"'),
    deltaOf("x").slice(0, 70),
    '{"error": "Internal error!"}',
    "",
    deltaOf("x").replace(', "usage"', ', "error": 1, "usage"'),
    deltaOf("x", "null"),
    deltaOf("x", "{}"),
    deltaOf("x", '{"input_tokens": "many"}'),
  ];
  test.each(others)("leaves another shape to the parser: %s", (event) => {
    expect(matches(bytes(event))).toBe(false);
  });

  const broken = ["a\\qb", "tab\tinside", "\\u12g4", "\\", "line\nend", "\\u12"];
  test.each(broken)("leaves a string that is no JSON to the parser: %j", (content) => {
    const event = deltaOf("@@").replace("@@", content);
    expect(() => JSON.parse(event)).toThrow();
    expect(matches(bytes(event))).toBe(false);
  });

  test("remembers the usage of the last match for one question", () => {
    matches(bytes(deltaOf("a", '{"input_tokens": 9, "output_tokens": 4}')));
    expect(JSON.parse(learnt?.takeTail() ?? "")).toMatchObject({ usage: { output_tokens: 4 } });
    expect(learnt?.takeTail()).toBeUndefined();
  });

  test("is not misled by the same key elsewhere", () => {
    const event = '{"note": {"content": "text"}, "choices": [{"delta": {"content": "text"}}]}';
    const other = bytes(event.replace('"text"}}]', '"other"}}]'));
    const template = learn(event, "text");
    expect(template?.match(other, 0, other.length)).toBe(true);
    expect(template?.event.text.text).toBe("other");
    expect(learn('{"note": {"content": "text"}}', "text")).toBeUndefined();
  });
});

test("createEventDecoder says the same of random replies as a parser, at any cut", () => {
  const content = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...["", '"', "\\", "\n\ndata: ", "[DONE]"]));
  // Numbered, so that no piece begins with the one before: what to make of those is new-text.ts's question.
  const reply = fc
    .array(content, { minLength: 1, maxLength: 12 })
    .map((pieces) => pieces.map((piece, index) => (piece === "" ? "" : `${index}${piece}`)));
  fc.assert(
    fc.property(reply, fc.nat({ max: 4000 }), (contents, cut) => {
      const events = contents.map((text, index) => deltaOf(text, `{"input_tokens": 9, "output_tokens": ${index + 1}}`));
      const finish =
        '{"choices": [{"delta": {"content": "", "role": "assistant", "status": "finished", "phase": "answer"}}]}';
      const body = bytes([...events, finish].map((event) => `data: ${event}\n\n`).join(""));
      const at = Math.min(cut, body.length);
      const heard = decodeAll(createEventDecoder({ chatId: "c", model: "m" }), [
        body.subarray(0, at),
        body.subarray(at),
      ]);
      expect(heard.filter((event) => event.type === "text-delta").map((event) => event["text"])).toEqual(
        contents.filter((text) => text !== ""),
      );
      expect(heard.at(-2)?.["usage"]).toMatchObject({ outputTokens: contents.length });
      expect(heard.at(-1)?.type).toBe("reply-end");
    }),
    { numRuns: 500 },
  );
});
