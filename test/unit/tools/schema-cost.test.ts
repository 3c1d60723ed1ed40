import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/contract/json.ts";
import { costOfCheck } from "../../../src/tools/schema-cost.ts";

const isAffordable = (schema: JsonObject, value: unknown): boolean => costOfCheck(schema, value) !== undefined;

const references = (count: number, to: string): JsonObject[] => Array.from({ length: count }, () => ({ $ref: to }));

/** Each of `levels` parts refers twice to the next one, by `way` and its name. */
function doubling(levels: number, way = "#/$defs/"): JsonObject {
  const parts = Array.from({ length: levels }, (_, level) => [
    `level${level}`,
    { anyOf: references(2, `${way}level${level + 1}`) },
  ]);
  return Object.fromEntries([...parts, [`level${levels}`, { type: "object" }]]) as JsonObject;
}

const doubledOften = doubling(30);
const withCheap = (levels: number): JsonObject =>
  Object.fromEntries(Array.from({ length: levels + 1 }, (_, level) => [`level${level}`, {}]));

describe("what a schema costs", () => {
  test.each<[string, JsonObject]>([
    ["nothing", {}],
    ["fields that refer to the whole", { properties: { next: { $ref: "#" }, all: { items: { $ref: "#" } } } }],
    ["references that lead nowhere", { properties: { a: { $ref: "#/$defs/a" }, b: { $ref: "#/~1~0" } } }],
    ["as many parts as there may be", { allOf: Array.from({ length: 1998 }, () => ({})) }],
    ["references that double a few times", { $ref: "#/$defs/level0", $defs: doubling(7) }],
    ["a reference with escapes", { $ref: "#/$defs/a%20b/c~1d", $defs: { "a b": { "c/d": {} } } }],
    ["parts with addresses where nothing refers to any", { properties: { a: { $id: "a" }, b: { $id: "b" } } }],
    ["a schema among several", { prefixItems: [{}, { $ref: "#/prefixItems/0" }] }],
  ])("is little for %s", (_, schema) => {
    expect(isAffordable(schema, {})).toBe(true);
  });

  test.each<[string, JsonObject]>([
    ["a part too many", { allOf: Array.from({ length: 1999 }, () => ({})) }],
    ["references that double again and again", { $ref: "#/$defs/level0", $defs: doubledOften }],
    ["the same by escapes", { $ref: "#/$defs%2Flevel0", $defs: doubling(30, "#/$defs%2F") }],
    ["the same in other places than they name", { $ref: "#/level0", $defs: doubling(30, "#/") }],
    [
      "the same where names depend on others",
      { dependentSchemas: { a: { $ref: "#/$defs/level0" } }, $defs: doubledOften },
    ],
    [
      "the same within a part that has an address",
      {
        allOf: [{ $id: "https://example.com/part", $ref: "#/$defs/level0", $defs: doubledOften }],
        $defs: withCheap(30),
      },
    ],
    ["a line end in a reference", { $ref: "#/$defs/a\n", $defs: { "a\n": {}, a: doubledOften } }],
    ["an escape that is none", { $ref: "#/%E0" }],
    ["a second # in a reference", { $ref: "#/$defs/a#", $defs: { "a#": {} } }],
    ["a name that looks like a way", { $anchor: "/$defs/a", $ref: "#/$defs/a", $defs: { a: {} } }],
    ["a part that is itself", { anyOf: [{ type: "string" }, { $ref: "#" }] }],
    ["a part of a part that is itself", { properties: { a: { not: { if: { $ref: "#/properties/a" } } } } }],
    ["a name", { properties: { a: { $dynamicRef: "#a" } } }],
    ["an address", { properties: { a: { $ref: "https://example.com/schema.json" } } }],
    ["many objects", { properties: Object.fromEntries(Array.from({ length: 5000 }, (_value, index) => [index, {}])) }],
    ["parts deep within one another", deep(100_000)],
  ])("is too much for %s", (_, schema) => {
    expect(isAffordable(schema, {})).toBe(false);
  });

  test.each<[string, JsonObject]>([
    ["fields", { properties: { a: { allOf: references(2, "#") } } }],
    ["other fields", { additionalProperties: { allOf: references(2, "#") } }],
    ["fields by a pattern", { patternProperties: { a: { allOf: references(2, "#") } } }],
    ["two ways to one field", { properties: { a: { $ref: "#" } }, patternProperties: { a: { $ref: "#" } } }],
  ])("doubles with each level of a value by %s that are the whole twice", (_, schema) => {
    expect(isAffordable(schema, nested(6))).toBe(true);
    expect(isAffordable(schema, nested(40))).toBe(false);
  });

  test("doubles with each level of a list", () => {
    const schema = { items: { allOf: references(2, "#") }, contains: { $ref: "#" } };
    let list: unknown = [];
    for (let level = 0; level < 40; level++) list = [list];

    expect(isAffordable(schema, [[]])).toBe(true);
    expect(isAffordable(schema, list)).toBe(false);
  });

  test("is little for long lists and deep values by a schema that looks once at each", () => {
    const schema = {
      anyOf: [{ type: "string" }, { items: { $ref: "#" } }, { additionalProperties: { $ref: "#" } }],
    };

    expect(isAffordable(schema, Array(50_000).fill("a"))).toBe(true);
    expect(isAffordable(schema, nested(900))).toBe(true);
  });

  test("counts how often a pattern is tried: where many parts have it, by each of them", () => {
    const schema = {
      properties: { a: { allOf: references(100, "#/$defs/text") } },
      patternProperties: { "^a": {}, "^b": {} },
      propertyNames: { pattern: "^c" },
      $defs: { text: { pattern: "a", format: "date" } },
    };

    expect(costOfCheck(schema, { a: "text", b: 1 })).toEqual({ trials: 100 * 2 + 3 * 2 * 2 + 2 });
    expect(costOfCheck(schema, { a: 1 })).toEqual({ trials: 3 * 2 + 1 });
  });

  test.each<[string, JsonObject]>([
    ["that have nothing for it", { allOf: Array.from({ length: 1900 }, () => ({})) }],
    ["that have nothing for its fields", { allOf: Array.from({ length: 1900 }, () => ({ properties: { b: {} } })) }],
    [
      "of names",
      { patternProperties: Object.fromEntries(Array.from({ length: 4000 }, (_value, index) => [index, {}])) },
    ],
  ])("is found out soon for a long value and many parts %s", (_, schema) => {
    const long = Object.fromEntries(Array.from({ length: 20_000 }, (_value, index) => [`a${index}`, index]));
    const startedAtMs = performance.now();
    costOfCheck(schema, long);

    expect(performance.now() - startedAtMs).toBeLessThan(5000);
  });

  const longName = "a".repeat(200_000);
  const numbered = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`b${at}`, true]));

  // Each look goes through what the part holds: 100,000 fields took 29 s for a list of 2,000 empty objects.
  test.each<[string, JsonObject]>([
    ["fields", { items: { properties: numbered(50_000) } }],
    ["names of fields that depend on others", { items: { dependentRequired: numbered(50_000) } }],
    ["names that one field depends on", { items: { dependentRequired: { a: Object.keys(numbered(50_000)) } } }],
    ["fields that have to be there", { items: { required: Object.keys(numbered(50_000)) } }],
    ["patterns", { items: { patternProperties: numbered(50_000) } }],
    ["values to choose from", { items: { enum: Object.keys(numbered(50_000)) } }],
    ["letters of a reference", { items: { $ref: `#/$defs/${longName}` }, $defs: { [longName]: {} } }],
  ])("grows with each value where a part has many %s", (_, schema) => {
    expect(isAffordable(schema, [{ a: 1 }])).toBe(true);
    expect(isAffordable(schema, Array(2000).fill({ a: 1 }))).toBe(false);
  });

  test("is counted once for a part, however many refer to it", () => {
    let looks = 0;
    const shared = {
      get anyOf() {
        looks++;
        return references(30, "#/$defs/b");
      },
    };
    const schema = {
      $defs: { a: shared, b: { anyOf: references(30, "#/$defs/c") }, c: {} },
      properties: Object.fromEntries(references(1000, "#/$defs/a").entries()),
    };

    expect(isAffordable(schema, {})).toBe(true);
    expect(looks).toBeLessThan(10);
  });
});

function nested(levels: number): unknown {
  return levels === 0 ? {} : { a: nested(levels - 1) };
}

function deep(levels: number): JsonObject {
  let schema: JsonObject = {};
  for (let level = 0; level < levels; level++) schema = { not: schema };
  return schema;
}
