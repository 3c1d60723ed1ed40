import { describe, expect, test } from "bun:test";
import { withoutCostlyPatterns } from "../../../src/tools/pattern-cost.ts";
import { findProblems } from "../../../src/tools/schema-problems.ts";

describe("a schema of a stranger", () => {
  const value = { a: `${"a".repeat(40)}!`, [`${"a".repeat(40)}!`]: 1 };

  test.each([
    ["a pattern", { properties: { a: { type: "string", pattern: "^(a+)+$" } } }],
    ["a pattern of names", { patternProperties: { "^(a+)+$": {} }, additionalProperties: false }],
    ["a pattern within names", { propertyNames: { pattern: "^(a|a)*$" } }],
    ["a pattern far down", { allOf: [{ anyOf: [{ properties: { a: { pattern: "^(a?){40}a{40}$" } } }] }] }],
  ])("takes no time for %s that would take for ever", (_, schema) => {
    expect(findProblems({ type: "object", ...schema }, value)).toEqual({ type: "fits" });
  });

  test("keeps what may be tried", () => {
    const schema = { properties: { a: { pattern: "^b+$" }, pattern: { type: "string" } } };

    expect(withoutCostlyPatterns(schema, value, { trials: 2 })).toEqual(schema);
    expect(findProblems(schema, value).type).toBe("problems");
  });

  test("keeps a pattern that is tried once, and not the same one that is tried nine hundred times", () => {
    const [text, pattern] = ["a".repeat(2000), "[ab]*[ab]{3}[cd]"];
    const often = {
      allOf: Array.from({ length: 900 }, () => ({ $ref: "#/$defs/text" })),
      $defs: { text: { pattern } },
    };

    expect(findProblems({ pattern }, text).type).toBe("problems");
    expect(findProblems(often, text)).toEqual({ type: "fits" });
  });

  test("is not checked where that takes for ever: it doubles with each level of a value", () => {
    let deep: object = {};
    for (let level = 0; level < 40; level++) deep = { a: deep };

    expect(findProblems({ properties: { a: { allOf: [{ $ref: "#" }, { $ref: "#" }] } } }, deep)).toEqual({
      type: "large",
    });
  });

  test.each([
    ["a pattern", { pattern: `${"(".repeat(100_000)}a${")".repeat(100_000)}` }],
    ["a list", JSON.parse(`{"x-order":${"[".repeat(100_000)}${"]".repeat(100_000)},"pattern":"a"}`)],
  ])("says nothing by %s that is nested too deeply to be read", (_, schema) => {
    expect(findProblems(schema, "a")).toEqual({ type: "broken" });
  });
});
