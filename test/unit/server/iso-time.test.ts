import { expect, test } from "bun:test";
import { isoTime } from "../../../src/server/iso-time.ts";

test("isoTime tells a time, and null where there is none", () => {
  expect(isoTime(Date.UTC(2026, 10, 20, 10))).toBe("2026-11-20T10:00:00.000Z");
  expect(isoTime(8.64e15)).toBe("+275760-09-13T00:00:00.000Z");
  expect([undefined, Number.NaN, Number.POSITIVE_INFINITY, 8.64e15 + 1].map(isoTime)).toEqual([null, null, null, null]);
});
