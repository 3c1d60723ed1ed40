// Answers against the form that was asked for, and what is told of those that miss it.

import { describe, expect, test } from "bun:test";
import { createAnswerCheck, rootOf } from "../../../src/answers/answer-schema.ts";
import { describeFormat, describeMiss } from "../../../src/answers/describe-format.ts";
import { isRefusal, readAnswer } from "../../../src/answers/read-answer.ts";
import type { AnswerFormat } from "../../../src/contract/answer-format.ts";
import type { JsonObject } from "../../../src/contract/json.ts";

const format = (schema: JsonObject | undefined, changes: Partial<AnswerFormat> = {}): AnswerFormat => ({
  name: "place",
  schema,
  isStrict: true,
  param: "response_format.json_schema.schema",
  ...changes,
});
const place = {
  type: "object",
  properties: { city: { type: "string" }, people: { type: ["integer", "null"] } },
  required: ["city", "people"],
  additionalProperties: false,
};
const read = (text: string, schema: JsonObject | undefined = place) =>
  readAnswer(text, format(schema), createAnswerCheck(format(schema)));

describe("readAnswer", () => {
  test("gives the JSON alone where it fits", () => {
    expect(read('So: {"city":"Rome","people":null}')).toEqual({
      json: '{"city":"Rome","people":null}',
      problem: undefined,
    });
  });

  test.each([
    ['{"city":"Rome"}', '"people" is missing'],
    ['{"city":"Rome","people":1,"x":2}', '"x" is not known'],
    ['{"city":5,"people":1}', '"city" must be string'],
    ["Rome", "it holds no JSON"],
    ["  ", "it is empty"],
  ])("says what is wrong with %s", (text, problem) => {
    expect(read(text).problem).toContain(problem);
  });

  test("follows references within the schema, and forbids no more than it does", () => {
    const schema = {
      $defs: { name: { type: "string", minLength: 2 } },
      type: "object",
      properties: { name: { $ref: "#/$defs/name" } },
    };
    expect(read('{"name":"Al","more":1}', schema).problem).toBeUndefined();
    expect(read('{"name":"A"}', schema).problem).toContain('"name"');
  });

  test("of any object wants an object", () => {
    const any = format(undefined);
    expect(readAnswer('{"a":1}', any, createAnswerCheck(any)).problem).toBeUndefined();
    expect(readAnswer("[1]", any, createAnswerCheck(any)).problem).toContain("no JSON");
  });

  test("tells nothing of what the model wrote but names of fields", () => {
    expect(read('{"city":["a secret"],"people":1}').problem).not.toContain("secret");
  });
});

describe("createAnswerCheck", () => {
  test("refuses a schema that nothing can be checked against, by its field", () => {
    const broken = { type: "object", properties: { a: { pattern: "(" } } };
    expect(() => createAnswerCheck(format(broken))).toThrow("response_format.json_schema.schema");
  });

  test("checks no pattern that may take for ever", () => {
    const costly = { type: "object", properties: { a: { type: "string", pattern: "^(a+)+$" } } };
    const text = JSON.stringify({ a: `${"a".repeat(50)}!` });
    expect(read(text, costly).problem).toBeUndefined();
    const cheap = { type: "object", properties: { a: { type: "string", pattern: "^a+$" } } };
    expect(read('{"a":"b"}', cheap).problem).toContain('"a"');
  });

  test("asks no more than JSON of a schema that is too large to check", () => {
    let schema: JsonObject = { type: "object" };
    const defs: Record<string, unknown> = { a0: schema };
    for (let index = 1; index < 40; index++) {
      const before = { $ref: `#/$defs/a${index - 1}` };
      defs[`a${index}`] = { allOf: [before, before] };
    }
    schema = { type: "object", $defs: defs, allOf: [{ $ref: "#/$defs/a39" }] };
    expect(read('{"a":1}', schema)).toEqual({ json: '{"a":1}', problem: undefined });
  });
});

test("rootOf reads what the outermost value is", () => {
  expect(rootOf(undefined)).toBe("object");
  expect(rootOf({ type: "array" })).toBe("array");
  expect(rootOf({ properties: {} })).toBe("object");
  expect(rootOf({ $ref: "#/$defs/a" })).toBe("any");
});

test("describeFormat tells the schema, and describeMiss what was wrong", () => {
  const told = describeFormat(format(place, { description: "Where it is" }));
  expect(told).toContain(JSON.stringify(place));
  expect(told).toContain("Where it is");
  expect(describeFormat(format(undefined))).not.toContain("schema");
  expect(describeMiss(format(place), '"city" is missing')).toContain('"city" is missing. Answer once more.');
});

describe("isRefusal", () => {
  test.each([
    "I'm sorry, but I can't help with that.",
    "I’m really sorry, I cannot do this.",
    "I cannot assist with this request.",
    "Sorry, that is not possible.",
    "As an AI, I do not do such things.",
    "抱歉，我无法回答这个问题。",
    "很抱歉，这个我不能说。",
    "我无法提供相关信息。",
  ])("knows %s", (text) => {
    expect(isRefusal(text)).toBe(true);
  });

  test.each(["Rome is the capital.", "The word sorry is short.", "I can do that: Rome.", "x".repeat(3000)])(
    "takes %s for an answer",
    (text) => {
      expect(isRefusal(text)).toBe(false);
    },
  );
});
