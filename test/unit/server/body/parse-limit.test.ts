import { describe, expect, test } from "bun:test";
import { parseLimit } from "../../../../src/server/body/parse-limit.ts";

const limitOf = (text?: string) => parseLimit(text, "files", { usual: 20, most: 1000 });

describe("parseLimit", () => {
  test("gives the usual number to a question without a limit", () => {
    expect(limitOf()).toBe(20);
  });

  test("takes every number up to the most", () => {
    expect(["1", "1000", "0007"].map(limitOf)).toEqual([1, 1000, 7]);
  });

  test.each(["", "0", "1001", "-1", "1.5", "1e2", " 5", "many", "9".repeat(400)])("refuses %j by its range", (text) => {
    expect(() => limitOf(text)).toThrow(
      expect.objectContaining({
        message: "Cannot list files: limit must be a whole number from 1 to 1000",
        kind: "invalid-request",
        param: "limit",
      }),
    );
  });
});
