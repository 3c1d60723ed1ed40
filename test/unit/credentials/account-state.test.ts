// Why an account is set aside: what is written is read back, and anything else means ready.

import { expect, test } from "bun:test";
import {
  type Aside,
  concerns,
  describeDuration,
  endOf,
  formatAside,
  parseAside,
} from "../../../src/credentials/account-state.ts";

const aside: Aside = {
  kind: "limit",
  sinceMs: 2,
  untilMs: 5,
  reason: "it has reached its usage limit",
  credentials: "digest",
};

test("parseAside reads what formatAside wrote", () => {
  expect(parseAside(formatAside(aside))).toEqual(aside);
  expect(parseAside(formatAside(undefined))).toBeUndefined();
});

test("parseAside reads what an earlier version wrote, without its beginning", () => {
  const { sinceMs, ...earlier } = aside;
  expect(sinceMs).toBeDefined();
  expect(parseAside(JSON.stringify(earlier))).toEqual(earlier);
});

test.each<[string, Partial<Aside>, number | undefined, number]>([
  ["no cap", {}, undefined, 5],
  ["a longer cap", {}, 4, 5],
  ["a shorter cap", {}, 1, 3],
  ["a cap for a pause", { kind: "paused" }, 1, 5],
  ["a cap for what began before beginnings were written", { sinceMs: undefined }, 1, 5],
])("endOf heeds %s", (_name, changes, maxAsideMs, untilMs) => {
  expect(endOf({ ...aside, ...changes }, maxAsideMs)).toBe(untilMs);
});

test("parseAside takes what it does not understand for ready", () => {
  for (const text of [
    "",
    "{",
    "[]",
    "{}",
    '{"kind":"toString","untilMs":5,"reason":"","credentials":""}',
    '{"kind":"limit"}',
  ]) {
    expect(parseAside(text)).toBeUndefined();
  }
});

test("concerns lets new credentials end a refusal and a challenge, not a limit", () => {
  for (const kind of ["limit", "busy"] as const) expect(concerns({ ...aside, kind }, "other")).toBe(true);
  for (const kind of ["sign-in", "challenge"] as const) {
    expect(concerns({ ...aside, kind }, "other")).toBe(false);
    expect(concerns({ ...aside, kind }, "digest")).toBe(true);
  }
});

test.each([
  [1, "1 s"],
  [40_000, "40 s"],
  [119_001, "2 min"],
  [9 * 60_000 + 1, "10 min"],
  [3 * 3_600_000, "3 h"],
  [3 * 3_600_000 + 20 * 60_000, "3 h 20 min"],
  [3 * 3_600_000 - 1, "3 h"],
])("describeDuration says %d ms as %s", (durationMs, words) => {
  expect(describeDuration(durationMs)).toBe(words);
});
