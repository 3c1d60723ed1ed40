import { expect, test } from "bun:test";
import { defaultDataDir } from "../../../src/config/default-data-dir.ts";

test("defaultDataDir prefers XDG_DATA_HOME, then the home, then the working directory", () => {
  expect(defaultDataDir({ XDG_DATA_HOME: "/data/ann", HOME: "/home/ann" })).toBe("/data/ann/qwen-gateway");
  expect(defaultDataDir({ HOME: "/home/ann" })).toBe("/home/ann/.local/share/qwen-gateway");
  expect(defaultDataDir({})).toBe("./data");
});

test("defaultDataDir ignores a relative XDG_DATA_HOME and empty values", () => {
  expect(defaultDataDir({ XDG_DATA_HOME: "share", HOME: "/home/ann" })).toBe("/home/ann/.local/share/qwen-gateway");
  expect(defaultDataDir({ XDG_DATA_HOME: "", HOME: "" })).toBe("./data");
});
