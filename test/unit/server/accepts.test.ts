import { expect, test } from "bun:test";
import { accepts } from "../../../src/server/accepts.ts";

test.each([
  ["text/html", true],
  ["Text/HTML ; charset=utf-8", true],
  ["application/json, text/html;q=0.1", true],
  ["text/html;level=1;q=0.5", true],
  ["text/html;q=0", false],
  ["text/html; Q=0.000", false],
  ["text/html;q=0.001", true],
  ["*/*", false],
  ["text/*", false],
  ["text/htmlx", false],
  ["", false],
  [null, false],
])("accepts reads %p", (header, expected) => {
  expect(accepts(header, "text/html")).toBe(expected);
});

test("accepts takes any of several names", () => {
  expect(accepts("br, *;q=0.1", "gzip", "*")).toBe(true);
  expect(accepts("br, *;q=0", "gzip", "*")).toBe(false);
});
