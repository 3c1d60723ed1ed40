import { describe, expect, test } from "bun:test";
import { codeOf, reasonOf } from "../../../src/contract/thrown.ts";

describe("what was thrown", () => {
  test("reasonOf gives the words of an error, and anything else as text", () => {
    expect([new TypeError("no"), "plain", 7, null].map(reasonOf)).toEqual(["no", "plain", "7", "null"]);
  });

  test("codeOf gives the code of whatever has one", () => {
    const missing = Object.assign(new Error("gone"), { code: "ENOENT" });

    expect([missing, { code: 404 }].map(codeOf)).toEqual(["ENOENT", "404"]);
    expect([new Error("plain"), "ENOENT", undefined].map(codeOf)).toEqual(["", "", ""]);
  });
});
