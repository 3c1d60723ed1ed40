import { expect, test } from "bun:test";
import {
  accountWords,
  circuitWords,
  durationWords,
  upstreamWords,
  waitWords,
} from "../../../../src/page/status/words.ts";

test.each([
  [0, "0.0 s"],
  [9940, "9.9 s"],
  [59_999, "59 s"],
  [60_000, "1 min 0 s"],
  [3_599_999, "59 min 59 s"],
  [3_600_000, "1 h 0 min"],
  [273_840_000, "3 d 4 h"],
])("durationWords(%d) is %s", (ms, words) => {
  expect(durationWords(ms)).toBe(words);
});

test.each([
  [0, "0 ms"],
  [999.4, "999 ms"],
  [1000, "1.0 s"],
  [12_340, "12.3 s"],
])("waitWords(%d) is %s", (ms, words) => {
  expect(waitWords(ms)).toBe(words);
});

test("a state that the page does not know is told as it came", () => {
  for (const words of [upstreamWords("asleep", false), circuitWords("asleep"), accountWords("asleep", undefined)]) {
    expect(words).toEqual({ tone: "quiet", text: "asleep" });
  }
});

test("a pause is told before anything else of an upstream", () => {
  expect(upstreamWords("failing", true)).toEqual({ tone: "fair", text: "paused" });
});
