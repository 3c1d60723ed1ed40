// JSON found in what models write around it.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { beginningOfJson, findJson } from "../../../src/answers/find-json.ts";

const anything = () => true;

describe("findJson", () => {
  test.each([
    ["bare", '{"a":1}', '{"a":1}'],
    ["a fence", '```json\n{"a":1}\n```', '{"a":1}'],
    ["a fence without a word", '```\n{"a":1}\n```', '{"a":1}'],
    ["a fence that was not closed", '```json\n{"a":1}', '{"a":1}'],
    ["an introduction", 'Here it is: {"a":1}', '{"a":1}'],
    ["a farewell", '{"a":1}\n\nAnything else?', '{"a":1}'],
    ["braces in the prose", 'The set {a, b} is {"a":1} here', '{"a":1}'],
    ["brackets and fences within texts", '```json\n{"a":"}```{"}\n```', '{"a":"}```{"}'],
    ["an escaped quote", 'So {"a":"\\"}"} it is', '{"a":"\\"}"}'],
    ["the first of two", '{"a":1} or {"a":2}', '{"a":1}'],
  ])("reads %s", (_, text, json) => {
    expect(findJson(text, "object", anything)?.json).toBe(json);
  });

  test("prefers the value that fits, then the longest", () => {
    const text = 'Like {"x":1}: {"city":"Rome"}, not {"y":2}';
    expect(findJson(text, "object", (value) => "city" in (value as object))?.json).toBe('{"city":"Rome"}');
    expect(findJson(text, "object", () => false)?.json).toBe('{"city":"Rome"}');
  });

  test("takes no value of another kind for the one that is asked for", () => {
    expect(findJson("[1, 2]", "object", anything)).toBeUndefined();
    expect(findJson('{"a":1}', "array", anything)).toBeUndefined();
    expect(findJson("5", "any", anything)?.value).toBe(5);
    expect(findJson("No JSON at all.", "object", anything)).toBeUndefined();
  });

  test("mends what needs no guessing", () => {
    expect(findJson("{'a': True, \"b\": [1,],}", "object", anything)?.value).toEqual({ a: true, b: [1] });
    expect(findJson('{"a": ???}', "object", anything)).toBeUndefined();
  });

  test("finds every object again, whatever words stand around it", () => {
    const words = fc.string({ unit: fc.constantFrom(..."ab .,:\n`'") });
    fc.assert(
      fc.property(words, fc.dictionary(fc.string(), fc.jsonValue()), words, (before, value, after) => {
        const json = JSON.stringify(value);
        const found = findJson(`${before}${json}${after}`, "object", anything);
        expect(found?.json).toBe(json);
      }),
    );
  });

  test("does not take for ever over brackets without end", () => {
    expect(findJson("{".repeat(500_000), "object", anything)).toBeUndefined();
    expect(findJson('{"a":'.repeat(100_000), "object", anything)).toBeUndefined();
  });
});

describe("beginningOfJson", () => {
  test("leaves out the words before a value that was cut off", () => {
    expect(beginningOfJson('Sure:\n```json\n{"a": "Ro', "object")).toBe('{"a": "Ro');
    expect(beginningOfJson("Sure", "object")).toBe("");
  });
});
