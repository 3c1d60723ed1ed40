// A body whose long texts stay bytes says what `JSON.parse` says.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Message } from "../../../src/contract/chat-request.ts";
import { fingerprintHistory } from "../../../src/conversation/fingerprints.ts";
import { LongText } from "../../../src/conversation/long-text.ts";
import { parseBody } from "../../../src/conversation/parse-body.ts";
import { parseMessages } from "../../../src/surfaces/openai-chat/parse-messages.ts";

const encoder = new TextEncoder();
const long = (said: string): string => said.repeat(Math.ceil(5000 / said.length));
const parse = (value: unknown): unknown => parseBody(encoder.encode(JSON.stringify(value)));

/** With the long texts decoded again, or with another word for them. */
function whole(value: unknown, word?: string): unknown {
  if (value instanceof LongText) return word ?? value.text;
  if (Array.isArray(value)) return value.map((item) => whole(item, word));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, whole(field, word)]));
}

test("parseBody leaves the long texts of messages as bytes, and nothing else", () => {
  const text = long('said "so"\\\n');
  const part = { type: "text", text };
  const call = { id: "c", function: { name: "f", arguments: text }, text };
  const body = {
    content: text,
    model: text,
    tools: [{ content: text, text, parameters: [{ text }] }],
    messages: [
      { role: "user", content: text, name: text },
      { content: [part, { type: "image_url", image_url: { url: text } }, text, "short"], role: "user" },
      { role: "assistant", content: "short", tool_calls: [call], reasoning: text },
    ],
    prompt: text,
  };
  const parsed = parse(body) as typeof body;

  expect(whole(parsed)).toEqual(body);
  expect(whole(parsed, "bytes")).toEqual({
    ...body,
    messages: [
      { ...body.messages[0], content: "bytes" },
      { ...body.messages[1], content: [{ ...part, text: "bytes" }, ...body.messages[1]!.content.slice(1)] },
      body.messages[2],
    ],
  });
});

test("parseBody leaves the long texts of items as bytes, and nothing else", () => {
  const text = long("said\n");
  const part = { type: "input_text", text };
  const body = {
    instructions: text,
    input: [
      { role: "user", content: text },
      { role: "user", content: [part, { type: "input_image", image_url: text }] },
      { type: "function_call", name: "f", arguments: text },
      { type: "function_call_output", call_id: "c", output: text },
      { type: "function_call_output", call_id: "c", output: [part] },
      { type: "reasoning", summary: [{ type: "summary_text", text }], encrypted_content: text },
    ],
  };
  const parsed = parse(body) as typeof body;

  expect(whole(parsed)).toEqual(body);
  expect(whole(parsed, "bytes")).toEqual({
    ...body,
    input: [
      { ...body.input[0], content: "bytes" },
      {
        ...body.input[1],
        content: [
          { ...part, text: "bytes" },
          { type: "input_image", image_url: text },
        ],
      },
      body.input[2],
      { ...body.input[3], output: "bytes" },
      { ...body.input[4], output: [{ ...part, text: "bytes" }] },
      body.input[5],
    ],
  });
});

test("parseBody keeps a long text that stands behind a long key, whatever was before it", () => {
  const text = long("text ");
  const key = "k".repeat(65);
  const body = {
    messages: [
      { role: "user", content: "short", [key]: text },
      { role: "user", content: [{ type: "text", text: "short", [key]: text }] },
    ],
    [key]: [{ content: text }],
  };

  expect(parse(body)).toEqual(body);
});

test("parseBody keeps a long text that stands where only a name is that of a message", () => {
  const text = long("text ");
  const message = { role: "user", content: [{ type: "text", text: "short" }] };
  const strange: readonly unknown[] = [
    [message, [text]],
    [{ role: "user", content: "short" }, [text]],
    [{ role: "user", content: { type: "other", answer: { text } } }],
    [{ type: "function_call_output", output: { answer: { text } } }],
    [{ role: "user", content: [...message.content, [text]] }],
  ];
  for (const messages of strange) {
    expect(parse({ messages })).toEqual({ messages });
    expect(parse({ input: messages })).toEqual({ input: messages });
  }
});

test("parseBody refuses what JSON.parse refuses", () => {
  const around = (inside: string | Uint8Array): Uint8Array =>
    Buffer.concat([
      encoder.encode(`{"messages":[{"role":"user","content":"${"a".repeat(5000)}`),
      Buffer.from(inside),
      encoder.encode('"}]}'),
    ]);
  for (const inside of [
    "\n",
    "\\x",
    "\\u12g4",
    "\\",
    "\\\\\\x",
    "\\\\\\\\\\u12",
    "\\\\d\\d",
    "\\\\\n",
    '"',
    '","content":1"',
    "\0",
    Buffer.from([0xff]),
    Buffer.from([0xed, 0xa0, 0x80]),
  ]) {
    expect(() => parseBody(around(inside))).toThrow();
  }
  for (const body of [
    around("").subarray(0, -1),
    around("").subarray(0, 3000),
    Buffer.concat([around(""), Buffer.from("}")]),
  ]) {
    expect(() => parseBody(body)).toThrow();
  }
  for (const inside of ["\\u00e9\\/\\n", "\\\\x", "\\\\\\\\u12", "\\\\d\\\\d\\\\", "\\uD83D\\\\"]) {
    expect(whole(parseBody(around(inside)))).toEqual(JSON.parse(new TextDecoder().decode(around(inside))));
  }
});

test("parseBody reads a body behind a byte order mark, one with white space anywhere, and one with a key told twice", () => {
  const text = long("x");
  const indented = encoder.encode(`\ufeff${JSON.stringify({ messages: [{ role: "user", content: text }] }, null, 4)}`);
  expect(whole(parseBody(indented))).toEqual({ messages: [{ role: "user", content: text }] });
  const twice = encoder.encode(
    `{"messages":[{"content":"${text}","content":"no"},{"content":"no","content":"${text}"}]}`,
  );
  expect(whole(parseBody(twice))).toEqual({ messages: [{ content: "no" }, { content: text }] });
});

test("parseBody gives messages with the fingerprints that strings have", () => {
  const unit = fc.constantFrom(" ", "\n\t", "\u3000", "é", "你好", "🙂", "\ud83d", '"', "\\", "(no content)", "word");
  const text = fc
    .tuple(fc.array(unit, { minLength: 1, maxLength: 8 }), fc.constantFrom(1, 400))
    .map(([units, times]) => units.join("").repeat(times));
  const content = fc.oneof(
    text,
    fc.array(
      text.map((said) => ({ type: "text", text: said })),
      { minLength: 1, maxLength: 3 },
    ),
  );
  const message = fc.oneof(
    fc.record({ role: fc.constantFrom("user", "assistant", "system"), content }),
    fc.record({ role: fc.constant("tool"), tool_call_id: fc.constant("c"), content }),
  );
  const history = fc.array(message, { maxLength: 6 });
  const fingerprints = (messages: readonly Message[]) => {
    const { tip, ...found } = fingerprintHistory("local", messages, []);
    return { ...found, tip: { ...tip, openMessages: whole(tip.openMessages) } };
  };
  fc.assert(
    fc.property(history, (told) => {
      const messages = [...told, { role: "user", content: "go on" }];
      const parsed = parse({ messages, padding: "x".repeat(5000) }) as { messages: unknown };

      expect(fingerprints(parseMessages(parsed.messages))).toEqual(fingerprints(parseMessages(messages)) as never);
    }),
    { numRuns: 500 },
  );
});

test("a body with long texts is written as JSON like the one that came", () => {
  const body = { messages: [{ role: "user", content: long("said\n") }], n: 1 };
  expect(JSON.parse(JSON.stringify(parse(body)))).toEqual(body);
});
