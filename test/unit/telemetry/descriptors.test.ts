import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import {
  countDescriptors,
  describeLowLimit,
  parseDescriptorLimit,
  readDescriptors,
} from "../../../src/telemetry/descriptors.ts";

const limits = (soft: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax processes             96365                96365                processes\nMax open files            ${soft}                 1048576              files\n`;

describe("parseDescriptorLimit", () => {
  test("parseDescriptorLimit reads the soft limit", () => {
    expect(parseDescriptorLimit(limits("1024"))).toBe(1024);
    expect(parseDescriptorLimit(limits("unlimited"))).toBe(Number.POSITIVE_INFINITY);
  });

  test("parseDescriptorLimit makes nothing of a text that it does not know", () => {
    expect(parseDescriptorLimit("")).toBeUndefined();
    expect(parseDescriptorLimit(limits("many"))).toBeUndefined();
  });
});

describe("describeLowLimit", () => {
  test("describeLowLimit warns below two descriptors a reply and says what to do", () => {
    expect(describeLowLimit(1024)).toContain('raise "ulimit -n"');
    expect(describeLowLimit(1024)).toContain("about 480 replies");
    expect(describeLowLimit(10)).toContain("about 0 replies");
  });

  test("describeLowLimit is content with enough for MAX_STREAMS, and where nobody knows", () => {
    expect(describeLowLimit(1024, 400)).toBeUndefined();
    expect(describeLowLimit(65_536)).toBeUndefined();
    expect(describeLowLimit(undefined)).toBeUndefined();
  });
});

test.skipIf(process.platform !== "linux")("readDescriptors counts those of this process", () => {
  const found = readDescriptors();

  expect(found?.open).toBeGreaterThan(2);
  expect(found?.limit).toBeGreaterThanOrEqual(found?.open ?? 0);
});

test.skipIf(process.platform !== "linux")("countDescriptors follows each that is opened and closed", () => {
  const before = countDescriptors();
  const file = openSync(devNull, "r");
  const during = countDescriptors();
  closeSync(file);

  expect([during, countDescriptors()]).toEqual([before + 1, before]);
});
