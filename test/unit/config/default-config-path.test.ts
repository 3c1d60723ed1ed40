import { expect, test } from "bun:test";
import { defaultConfigPath } from "../../../src/config/default-config-path.ts";

test("defaultConfigPath prefers XDG_CONFIG_HOME, then the home, and never names the working directory", () => {
  expect(defaultConfigPath({ XDG_CONFIG_HOME: "/etc/ann", HOME: "/home/ann" })).toBe(
    "/etc/ann/qwen-gateway/config.yaml",
  );
  expect(defaultConfigPath({ HOME: "/home/ann" })).toBe("/home/ann/.config/qwen-gateway/config.yaml");
  expect(defaultConfigPath({})).toBeUndefined();
});

test("defaultConfigPath ignores a relative XDG_CONFIG_HOME and empty values", () => {
  expect(defaultConfigPath({ XDG_CONFIG_HOME: "etc", HOME: "/home/ann" })).toBe(
    "/home/ann/.config/qwen-gateway/config.yaml",
  );
  expect(defaultConfigPath({ XDG_CONFIG_HOME: "", HOME: "" })).toBeUndefined();
});
