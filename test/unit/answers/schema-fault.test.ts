// What is wrong with a client's schema is told before anybody is asked for an answer.

import { describe, expect, test } from "bun:test";
import { schemaFault } from "../../../src/answers/schema-fault.ts";
import type { JsonObject } from "../../../src/contract/json.ts";

const broken: [string, JsonObject][] = [
  ["type", { type: 5 }],
  ["type", { type: "objekt" }],
  ["properties", { type: "object", properties: [] }],
  ["properties.a", { properties: { a: 1 } }],
  ["properties.a.type", { properties: { a: { type: ["string", "nil"] } } }],
  ["required", { required: "a" }],
  ["properties.a.enum", { properties: { a: { enum: [] } } }],
  ["anyOf", { anyOf: [] }],
  ["allOf.1", { allOf: [{}, 5] }],
  ["items.required", { type: "array", items: { required: [1] } }],
  ["properties.a.$ref", { properties: { a: { $ref: "#/$defs/b" } }, $defs: { a: {} } }],
  ["$ref", { $ref: "#/__proto__" }],
  ["additionalProperties", { additionalProperties: "no" }],
];
const sound: JsonObject[] = [
  {},
  { $ref: "#" },
  { properties: { type: { enum: ["type"] }, required: { type: "boolean" } }, required: ["type"] },
  { properties: { a: true }, additionalProperties: false, default: { type: 5 }, examples: [{ type: 5 }] },
  { $defs: { "a/b": { anyOf: [{ type: "null" }, { $ref: "#" }] } }, properties: { a: { $ref: "#/$defs/a~1b" } } },
  { type: ["object", "null"], items: [{ type: "string" }] },
  { properties: { constructor: { type: "string" }, a: { const: { type: 5 } } } },
  { type: "object", properties: null, required: null, items: null },
  { $ref: "https://elsewhere.example/schema" },
  { $defs: { "a/b": {}, "c d": {} }, allOf: [{ $ref: "#/$defs/a%7E1b" }, { $ref: "#/%24defs/c d" }] },
];

describe("schemaFault", () => {
  test.each(broken)("names %s", (path, schema) => {
    expect(schemaFault(schema)).toBe(path);
  });

  test("looks at lists of any length", () => {
    expect(schemaFault({ items: Array(2_000_000).fill(true) })).toBeUndefined();
  });

  test.each(sound)("finds nothing in %p", (schema) => {
    expect(schemaFault(schema)).toBeUndefined();
  });
});
