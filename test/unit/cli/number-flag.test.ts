import { expect, test } from "bun:test";
import { numberFlag } from "../../../src/cli/number-flag.ts";

const port = (text: string) => numberFlag({ port: text }, "port", { most: 65_535 });
const speed = (text: string) => numberFlag({ speed: text }, "speed", { least: 1, most: 100, decimals: 3 });

test("numberFlag reads a number within its range, both ends included", () => {
  expect([port("0"), port("65535"), speed("1"), speed("2.125"), speed("100")]).toEqual([0, 65_535, 1, 2.125, 100]);
});

test("numberFlag gives nothing for a flag that is not there", () => {
  expect(numberFlag({}, "port", { most: 1 })).toBeUndefined();
});

test.each(["", "65536", "-1", "1.5", "1e3", "0x10", " 5", "five"])("numberFlag refuses %j for a port", (text) => {
  expect(() => port(text)).toThrow(
    `Cannot use --port ${JSON.stringify(text)}: it must be a whole number from 0 to 65535`,
  );
});

test.each(["0.5", "101", "1.0001", "1."])("numberFlag refuses %j for a speed", (text) => {
  expect(() => speed(text)).toThrow(`Cannot use --speed "${text}": it must be a number from 1 to 100`);
});
