// The line through samples: a leak is seen behind the ups and downs of a garbage collector, and those alone are none.

import { expect, test } from "bun:test";
import { growthOf, halvesOf, type Sample } from "./trend.ts";

const samplesOf = (valueAt: (second: number) => number): Sample[] =>
  Array.from({ length: 100 }, (_, second) => ({ atMs: second * 1000, value: valueAt(second) }));

/** Up for nine seconds, and down again. */
const collector = (second: number): number => 50 + 3 * (second % 10);

test("growthOf tells what grows steadily, whatever stands upon it", () => {
  expect(growthOf(samplesOf((second) => second))).toBeCloseTo(99, 0);
  expect(growthOf(samplesOf((second) => 100 - second))).toBeCloseTo(-99, 0);
  expect(growthOf(samplesOf((second) => collector(second) + second))).toBeGreaterThan(90);
});

test("growthOf sees nothing in ups and downs, nor in too few samples", () => {
  expect(Math.abs(growthOf(samplesOf(collector)))).toBeLessThan(3);
  expect(growthOf(samplesOf((second) => second).slice(0, 9))).toBe(0);
});

test("halvesOf keeps what fills up at first out of the second half", () => {
  const [first, second] = halvesOf(samplesOf((at) => Math.min(at, 40)));

  expect(growthOf(first)).toBeGreaterThan(30);
  expect(growthOf(second)).toBe(0);
});
