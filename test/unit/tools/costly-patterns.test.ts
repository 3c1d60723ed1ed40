import { describe, expect, test } from "bun:test";
import { isCostly, withoutCostlyPatterns } from "../../../src/tools/costly-patterns.ts";
import { findProblems } from "../../../src/tools/schema-problems.ts";

describe("isCostly", () => {
  test.each([
    "^(a+)+$",
    "^(a*)*$",
    "^(a|a)*$",
    "^(a|ab)+$",
    "^(?:a?){40}a{40}$",
    "^(?<x>a+)*$",
    "^((a+)b?)*$",
    "^(a+){20}$",
    "(a+)\\1",
    "(?<x>a)\\k<x>+",
    `^${"a?".repeat(40)}a{40}$`,
  ])("finds %s on a short text", (pattern) => {
    expect(isCostly(pattern, 40)).toBe(true);
  });

  test.each([".*.*.*.*x", "a*b", "^a{0,500}a{0,500}a{0,500}$", "^\\s+.+\\s+$"])(
    "finds %s on a long text",
    (pattern) => {
      expect(isCostly(pattern, 100_000)).toBe(true);
    },
  );

  test.each([
    "^a+$",
    "^[a-z]+-[a-z]+-[0-9]+$",
    "^(?:\\d{1,3}\\.){3}\\d{1,3}$",
    "^\\d{4}-\\d{2}-\\d{2}$",
    "^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$",
    "^(?:red|green|blue)$",
    "^[(+*]+$",
    "^\\(\\+\\*$",
    "^\\p{L}+$",
    "^#[0-9a-f]{6}$",
  ])("leaves %s alone on a short text", (pattern) => {
    expect(isCostly(pattern, 30)).toBe(false);
  });

  test("leaves a plain pattern alone on any text", () => {
    expect(isCostly("^[a-z]+$", 1_000_000)).toBe(false);
  });
});

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

    expect(withoutCostlyPatterns(schema, value)).toEqual(schema);
    expect(findProblems(schema, value).type).toBe("problems");
  });
});
