// A lease is taken away only from an owner that is surely dead.

import { expect, test } from "bun:test";
import { isDead, thisProcess } from "../../../src/store/lease-owner.ts";

const self = thisProcess();

test("isDead spares this process, its parent, and whoever lives elsewhere", () => {
  expect(isDead({ ...thisProcess() }, self)).toBe(false);
  expect(isDead({ ...self, ownerPid: process.ppid }, self)).toBe(false);
  expect(isDead({ ...self, ownerHost: "elsewhere", ownerPid: 4_194_305 }, self)).toBe(false);
});

test("isDead knows a process that is gone, and a predecessor with the same number", () => {
  // One above the greatest number that Linux gives to a process.
  expect(isDead({ ...self, ownerPid: 4_194_305 }, self)).toBe(true);
  expect(isDead({ ...self, ownerStartedMs: self.ownerStartedMs - 1 }, self)).toBe(true);
});
