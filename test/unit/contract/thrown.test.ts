import { describe, expect, test } from "bun:test";
import { codeOf, errorOf, fileReasonOf, isTimeout, reasonOf } from "../../../src/contract/thrown.ts";

describe("what was thrown", () => {
  test("reasonOf gives the words of an error, and anything else as text", () => {
    expect([new TypeError("no"), "plain", 7, null].map(reasonOf)).toEqual(["no", "plain", "7", "null"]);
  });

  test("errorOf leaves an error as it is, and makes one of anything else", () => {
    const error = new TypeError("no");

    expect(errorOf(error)).toBe(error);
    expect(errorOf("plain")).toEqual(new Error("plain"));
  });

  test("isTimeout knows the end of a limit from a hang-up", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const limit = AbortSignal.timeout(1);
    limit.addEventListener("abort", () => resolve(limit.reason), { once: true });

    expect(isTimeout(await promise)).toBe(true);
    expect([AbortSignal.abort().reason, "TimeoutError", undefined].map(isTimeout)).toEqual([false, false, false]);
  });

  test("codeOf gives the code of whatever has one", () => {
    const missing = Object.assign(new Error("gone"), { code: "ENOENT" });

    expect([missing, { code: 404 }].map(codeOf)).toEqual(["ENOENT", "404"]);
    expect([new Error("plain"), "ENOENT", undefined].map(codeOf)).toEqual(["", "", ""]);
  });

  test("fileReasonOf says why a file cannot be used, and nothing of other failures", () => {
    const codes = ["ENOENT", "EISDIR", "EACCES", "SQLITE_BUSY"];
    const errors = codes.map((code) => Object.assign(new Error(`${code}: open 'a'`), { code }));

    const reasons = ["there is no such file", "it is a folder", "permission denied", undefined];
    expect(errors.map(fileReasonOf)).toEqual(reasons);
  });
});
