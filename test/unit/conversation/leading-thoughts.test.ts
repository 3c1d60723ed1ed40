// Thoughts that come back as tags before an answer.

import { expect, test } from "bun:test";
import { splitThoughts } from "../../../src/conversation/leading-thoughts.ts";
import { LongText } from "../../../src/conversation/long-text.ts";

const text = (value: string) => ({ type: "text" as const, text: value });

test.each([
  ["<think>\nHm.\n</think>\n\nFour.", [text("Four.")], "Hm."],
  ["\n<think>Hm.</think>Four.", [text("Four.")], "Hm."],
  ["<think></think>Four.", [text("Four.")], ""],
  ["<think>Hm.</think>", [], "Hm."],
])("splitThoughts takes %p apart", (value, content, reasoning) => {
  expect(splitThoughts([text(value)])).toEqual({ content, reasoning });
});

test.each(["Four.", "<thinking>Hm.</thinking>Four.", "<think>without end", "Say <think>a</think>", ""])(
  "splitThoughts leaves %p alone",
  (value) => {
    const content = [text(value)];
    expect(splitThoughts(content)).toEqual({ content, reasoning: undefined });
    expect(splitThoughts(content).content).toBe(content);
  },
);

test("splitThoughts reads a long text, and leaves one that is no such long text as bytes", () => {
  const long = (value: string) => new LongText(Buffer.from(JSON.stringify(value).slice(1, -1)));
  const thoughts = "a".repeat(1000);
  expect(splitThoughts([long(`<think>\n${thoughts}\n</think>\n\nFour.`)])).toEqual({
    content: [text("Four.")],
    reasoning: thoughts,
  });
  const plain = [long(thoughts)];
  expect(splitThoughts(plain).content[0]).toBe(plain[0]);
});
