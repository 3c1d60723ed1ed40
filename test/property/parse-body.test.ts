// Whatever bytes come for a request: what is parsed apart, the long texts and the tools, changes nothing of what they say.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { LongText } from "../../src/conversation/long-text.ts";
import { parseBody } from "../../src/conversation/parse-body.ts";
import { patienceMs, runsOf } from "./runs.ts";
import { strangeJson } from "./strange-json.ts";

const encoder = new TextEncoder();

/** With its long texts decoded. */
function whole(value: unknown): unknown {
  if (value instanceof LongText) return value.text;
  if (Array.isArray(value)) return value.map(whole);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, whole(field)]));
}

/** "invalid" where it is refused. */
function outcome(parse: () => unknown): unknown {
  try {
    return { value: whole(parse()) };
  } catch {
    return "invalid";
  }
}

const sign = fc.constantFrom("x", " ", "\n", '"', "\\", "é", "🙂", "\ud83d", "]", "}", "[", "{", '"]', "\\\\");
const text = fc
  .tuple(fc.array(sign, { minLength: 1, maxLength: 6 }), fc.constantFrom(1, 3, 300))
  .map(([signs, times]) => signs.join("").repeat(times));
const content = fc.oneof(text, fc.array(fc.record({ type: fc.constant("text"), text }), { maxLength: 3 }));
const strange = strangeJson(text);
const message = fc.record({ role: fc.constantFrom("user", "assistant"), content: fc.oneof(content, strange) });
const messages = fc.oneof(fc.array(message, { maxLength: 4 }), fc.array(fc.oneof(message, strange), { maxLength: 4 }));
const items = fc.array(fc.record({ type: fc.constant("function_call_output"), output: content, content }), {
  maxLength: 3,
});
const tool = fc.record({
  name: text,
  tools: fc.array(text, { maxLength: 2 }),
  parameters: fc.jsonValue({ maxDepth: 3 }),
});
/** Few, so that some come again. */
const tools = fc.oneof(
  fc.constantFrom([], [{ name: "a".repeat(200) }], [[[{}]], "]".repeat(200)]),
  fc.array(tool, { maxLength: 3 }),
);
const padding = fc.constantFrom("", "x".repeat(1200));
const field = fc.oneof(
  messages.map((value) => ["messages", value] as const),
  fc.oneof(messages, items, text).map((value) => ["input", value] as const),
  tools.map((value) => ["tools", value] as const),
  text.map((value) => ["tools", value] as const),
  padding.map((value) => ["padding", value] as const),
  fc.jsonValue({ maxDepth: 3 }).map((value) => ["other", value] as const),
);
/** Fields may stand there twice: the last counts. */
const body = fc.tuple(fc.array(field, { maxLength: 6 }), fc.constantFrom(0, 1)).map(([fields, indent]) => {
  const written = fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value, null, indent)}`);
  return `{${written.join(",")}}`;
});
const damage = fc.record({
  at: fc.nat(),
  removed: fc.constantFrom(0, 0, 1, 7),
  put: fc.constantFrom("", '"', "\\", "]", "}", "[", ",", ":", "\n", "\0", "\\u12", "]]", "é"),
});

test(
  "parseBody gives what JSON.parse gives, and refuses what it refuses, also when the same tools come again",
  () => {
    fc.assert(
      fc.property(body, fc.option(damage, { nil: undefined }), (written, broken) => {
        const at = broken === undefined ? 0 : broken.at % (written.length + 1);
        const sent =
          broken === undefined ? written : written.slice(0, at) + broken.put + written.slice(at + broken.removed);
        const bytes = encoder.encode(sent);
        // Halves of characters do not survive encoding: what was really sent counts.
        const expected = outcome(() => JSON.parse(new TextDecoder().decode(bytes)));

        expect(outcome(() => parseBody(bytes))).toEqual(expected);
        expect(outcome(() => parseBody(bytes))).toEqual(expected);
      }),
      runsOf("bodies", 1000),
    );
  },
  patienceMs,
);
