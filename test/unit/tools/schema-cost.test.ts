import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/contract/json.ts";
import { isAffordable } from "../../../src/tools/schema-cost.ts";

const references = (count: number, to: string): JsonObject[] => Array.from({ length: count }, () => ({ $ref: to }));

/** Each of `count` parts refers to all of the next level, `levels` deep. */
function doubling(count: number, levels: number): JsonObject {
  const names = Array.from({ length: levels }, (_, level) => `level${level}`);
  const parts = names.map((name, level) => [name, { anyOf: references(count, `#/$defs/level${level + 1}`) }] as const);
  return { $defs: Object.fromEntries([...parts, [`level${levels}`, { type: "string" }]]), $ref: "#/$defs/level0" };
}

describe("what a schema costs", () => {
  test.each<[string, JsonObject]>([
    ["nothing", {}],
    ["fields that refer to the whole", { properties: { next: { $ref: "#" }, all: { items: { $ref: "#" } } } }],
    ["references that lead nowhere", { properties: { a: { $ref: "#/$defs/a" }, b: { $ref: "#/%E0/~1~0" } } }],
    ["as many parts as there may be", { allOf: Array.from({ length: 1998 }, () => ({})) }],
    ["references that double a few times", doubling(2, 7)],
    ["a schema among several", { prefixItems: [{}, { $ref: "#/prefixItems/0" }] }],
  ])("is little for %s", (_, schema) => {
    expect(isAffordable(schema)).toBe(true);
  });

  test.each<[string, JsonObject]>([
    ["a part too many", { allOf: Array.from({ length: 1999 }, () => ({})) }],
    ["references that double again and again", doubling(2, 30)],
    ["a part that is itself", { anyOf: [{ type: "string" }, { $ref: "#" }] }],
    ["a part of a part that is itself", { properties: { a: { not: { if: { $ref: "#/properties/a" } } } } }],
    ["a name", { properties: { a: { $dynamicRef: "#a" } } }],
    ["an address", { properties: { a: { $ref: "https://example.com/schema.json" } } }],
    ["many objects", { properties: Object.fromEntries(Array.from({ length: 5000 }, (_value, index) => [index, {}])) }],
    ["parts deep within one another", deep(100_000)],
  ])("is too much for %s", (_, schema) => {
    expect(isAffordable(schema)).toBe(false);
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

    expect(isAffordable(schema)).toBe(true);
    expect(looks).toBeLessThan(10);
  });
});

function deep(levels: number): JsonObject {
  let schema: JsonObject = {};
  for (let level = 0; level < levels; level++) schema = { not: schema };
  return schema;
}
