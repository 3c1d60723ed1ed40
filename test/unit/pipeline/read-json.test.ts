// JSON out of whatever a model has put around it.

import { describe, expect, test } from "bun:test";
import { readJson } from "../../../src/pipeline/read-json.ts";

describe("readJson", () => {
  test.each<[string, unknown]>([
    ['{"a":1}', { a: 1 }],
    [' ["a"]\n', ["a"]],
    ['```json\n{"a":1}\n```', { a: 1 }],
    ['```\n["a"]\n```', ["a"]],
    ['```JSON {"a":1}```', { a: 1 }],
    ['Here you are:\n```json\n["a","b"]\n```\nEnjoy!', ["a", "b"]],
    ['Sure! {"query":"x"} is what you want.', { query: "x" }],
    ['The questions: ["What is {x}?","And y?"]', ["What is {x}?", "And y?"]],
    ['The questions: ["What does {} mean?"]', ["What does {} mean?"]],
    ['[{"question":"a"}] is it', [{ question: "a" }]],
    ['It is {"list":["a"]}.', { list: ["a"] }],
    ["no json at all", undefined],
    ["", undefined],
    ["{broken", undefined],
    ["} backwards {", undefined],
    ['{"a":1} and {"b":2}', undefined],
  ])("reads %j", (text, value) => {
    expect(readJson(text)).toEqual(value);
  });

  test("is quick with what is made to be slow", () => {
    const hostile = [
      `\`\`\`${" ".repeat(200_000)}`,
      "```json\n".repeat(20_000),
      "[".repeat(200_000),
      "{[".repeat(100_000),
    ];

    const before = performance.now();
    for (const text of hostile) expect(readJson(text)).toBeUndefined();

    expect(performance.now() - before).toBeLessThan(1000);
  });
});
