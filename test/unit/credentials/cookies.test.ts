// A Cookie header as a jar, changed the way a browser would.

import { expect, test } from "bun:test";
import {
  applySetCookies,
  carryChanges,
  cookieValue,
  formatCookies,
  parseCookies,
} from "../../../src/credentials/cookies.ts";

const nowMs = Date.parse("2026-11-20T12:00:00Z");

function after(header: string, ...lines: string[]): string | undefined {
  const jar = parseCookies(header);
  applySetCookies(jar, lines, nowMs);
  return formatCookies(jar);
}

test("parseCookies keeps order, equals signs in values, and the first of equal names", () => {
  expect([...parseCookies("a=1;  b=x==; bad; =none; a=2")]).toEqual([
    ["a", "1"],
    ["b", "x=="],
  ]);
  expect(cookieValue("a=1; token=", "token")).toBeUndefined();
  expect(cookieValue(undefined, "token")).toBeUndefined();
});

test("applySetCookies changes in place and adds at the end", () => {
  expect(after("a=1; b=2", "a=9; Path=/; HttpOnly", "c=3; Max-Age=60")).toBe("a=9; b=2; c=3");
});

test.each([
  ["Max-Age=0", "a=gone; Max-Age=0; Path=/"],
  ["a negative Max-Age", "a=gone; max-age=-1"],
  ["a time in the past", "a=gone; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"],
  ["an empty value", "a=; Path=/"],
])("applySetCookies takes %s for a deletion", (_name, line) => {
  expect(after("a=1; b=2", line)).toBe("b=2");
  expect(after("a=1", line)).toBeUndefined();
});

test("applySetCookies lets Max-Age go before Expires, and ignores what no header can carry", () => {
  expect(after("a=1", "a=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60")).toBe("a=2");
  expect(after("a=1", "a=2; Expires=Sat, 21 Nov 2026 12:00:00 GMT")).toBe("a=2");
  expect(after("a=1", "a=\u00e9", "no pair", "=x")).toBe("a=1");
});

test("applySetCookies adds nothing to a jar that is full, and still changes what is in it", () => {
  const lines = Array.from({ length: 200 }, (_, index) => `trace_${index}=${"x".repeat(60)}; Max-Age=60`);
  const full = after("token=1", ...lines) ?? "";

  expect(full.length).toBeGreaterThan(6000);
  expect(full.length).toBeLessThan(6145);
  expect(after(full, lines[199]!, "token=2")).toBe(full.replace("token=1", "token=2"));
});

test("applySetCookies ignores a cookie that no browser would take", () => {
  expect(after("a=1", `a=${"x".repeat(4096)}`, `b=${"x".repeat(4096)}`)).toBe("a=1");
});

test.each([
  ["an unchanged header", "a=1; b=2", "a=9; b=2", "a=1; b=2", "a=9; b=2"],
  ["one that another answer has changed", "a=1; b=2", "a=9; b=2", "a=1; b=8; c=3", "a=9; b=8; c=3"],
  ["one that has lost a cookie", "a=1; b=2", "a=9; b=2", "a=1", "a=9"],
  ["one that still has what is deleted", "a=1; b=2", "b=2", "a=1; b=8", "b=8"],
  ["no header at all", "a=1", "a=9", undefined, "a=9"],
])("carryChanges does the same changes to %s", (_name, before, changed, header, expected) => {
  expect(carryChanges(before, changed, header)).toBe(expected);
});
