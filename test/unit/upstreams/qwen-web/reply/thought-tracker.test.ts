// Cumulative snapshots of thoughts: only what is new is said.

import { expect, test } from "bun:test";
import { createThoughtTracker } from "../../../../../src/upstreams/qwen-web/reply/thought-tracker.ts";

test("createThoughtTracker says what each snapshot adds", () => {
  const tracker = createThoughtTracker();
  expect(tracker.next(["A"], ["one"])).toBe("A\none");
  expect(tracker.next(["A"], ["one"])).toBe("");
  expect(tracker.next(["A"], ["one and"])).toBe(" and");
  expect(tracker.next(["A", "B"], ["one and", "two"])).toBe("\n\nB\ntwo");
});

test("createThoughtTracker goes on from the common part when a snapshot is no extension", () => {
  const tracker = createThoughtTracker();
  tracker.next([], ["abcdef"]);
  expect(tracker.next([], ["abcXY"])).toBe("XY");
});

test("createThoughtTracker says a second round whole, unless it repeats the first", () => {
  const tracker = createThoughtTracker();
  tracker.next(["A"], ["the user asks"]);
  tracker.endRound();
  expect(tracker.next(["A"], ["the user asks", "and"])).toBe("\n\nand");
  tracker.endRound();
  expect(tracker.next(["A"], ["the user wants"])).toBe("\n\nA\nthe user wants");
  expect(tracker.next(["A"], ["the user wants more"])).toBe(" more");
});

test("createThoughtTracker takes nothing back for a snapshot that holds nothing", () => {
  const tracker = createThoughtTracker();
  tracker.next(["A"], ["one"]);
  expect(tracker.next([], [])).toBe("");
  expect(tracker.next(["A"], ["one and"])).toBe(" and");
  tracker.endRound();
  expect(tracker.next([], [])).toBe("");
  expect(tracker.next(["B"], ["two"])).toBe("\n\nB\ntwo");
});

test("createThoughtTracker never cuts a surrogate pair", () => {
  const tracker = createThoughtTracker();
  tracker.next([], ["a😀"]);
  expect(tracker.next([], ["a😁"])).toBe("😁");
});
