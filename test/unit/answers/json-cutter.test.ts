// JSON cut out of an answer that is still coming.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { JsonCutter } from "../../../src/answers/json-cutter.ts";

function cut(pieces: readonly string[], root: "object" | "array" = "object") {
  const cutter = new JsonCutter(root);
  const text = pieces.map((piece) => cutter.read(piece)).join("");
  return { text, state: cutter.state };
}

function split(text: string, places: readonly number[]): string[] {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [...ends, text.length].map((end, index) => text.slice(index === 0 ? 0 : ends[index - 1], end));
}

test.each([
  ["bare", '{"a":{}}', '{"a":{}}', "closed"],
  ["fenced", '```json\n{ "a": 1 }\n```', '{ "a": 1 }', "closed"],
  ["behind words with brackets", 'The {set} of [1]: {"a":"}"} bye {"b":1}', '{"a":"}"}', "closed"],
  ["without end", 'So {"a":"\\"}', '{"a":"\\"}', "open"],
  ["that never begins", "No { words } at all", "", "before"],
  ["an empty object", "{}", "{}", "closed"],
] as const)("an answer %s, cut anywhere, gives the same", (_, text, json, state) => {
  expect(cut([text])).toEqual({ text: json, state });
  fc.assert(
    fc.property(fc.array(fc.nat()), (places) => {
      expect(cut(split(text, places))).toEqual({ text: json, state });
    }),
  );
});

test("an array begins with its bracket", () => {
  expect(cut(["So ", "[", "1, [2]", "] and"], "array")).toEqual({ text: "[1, [2]]", state: "closed" });
});

test("every object comes through whole, however it is cut", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.nat()), (value, places) => {
      const json = JSON.stringify(value);
      expect(cut(split(`\`\`\`json\n${json}\n\`\`\``, places)).text).toBe(json);
    }),
  );
});
