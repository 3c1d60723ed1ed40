// The true time of a wait, in sentences that end with advice to try again.

import { expect, test } from "bun:test";
import { tellLongWait, tellWait } from "../../../src/upstreams/tell-wait.ts";

const hourMs = 3_600_000;

test.each([
  ["It is full: try again in a moment", hourMs, "It is full: try again in 60 min"],
  ["It is full: try again in a moment", 60_000, "It is full: try again in a moment"],
  ["It is full: try again in 9 s, and slowly", undefined, "It is full: try again in a moment, and slowly"],
  ["It failed: try again", 2 * hourMs, "It failed: try again in 2 h"],
  ["It failed: try again", 1000, "It failed: try again"],
])("tellWait of %p and %p ms is %p", (sentence, waitMs, told) => {
  expect(tellWait(sentence, waitMs)).toBe(told);
});

test("tellLongWait leaves sentences alone whose time a header can tell", () => {
  expect(tellLongWait("Busy: try again in a few seconds", 60_000)).toBe("Busy: try again in a few seconds");
  expect(tellLongWait("Busy: try again in a few seconds", 61_000)).toBe("Busy: try again in 61 s");
});
