// The address of a shared store: which ones are taken, and that nothing of it is ever shown.

import { describe, expect, test } from "bun:test";
import { ConfigError } from "../../../src/config/config-error.ts";
import { describeConfig } from "../../../src/config/describe-config.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { secretTexts } from "../../../src/config/secret-texts.ts";
import { describeAddress } from "../../../src/store/redis/address.ts";

const load = (STORE_URL: string) => loadConfig({ environment: { HOME: "/home/ann", STORE_URL }, flags: {} }).config;

describe("STORE_URL", () => {
  test.each([
    "redis://127.0.0.1",
    "redis://store.example.com:6379/0",
    "valkey://:secret-word@store:6380",
    "rediss://user:p%40ss%2Fword@[2001:db8::1]:6379/15",
  ])("%s is taken", (url) => {
    expect(load(url).storeUrl).toBe(url);
  });

  test.each([
    "http://127.0.0.1:6379",
    "127.0.0.1:6379",
    "redis://@",
    "redis://host:port",
    "redis://user:secret/word@host",
    "redis://host/0?password=secret-word",
    "redis://host/name",
  ])("%s is refused, and not repeated", (url) => {
    const failure = (() => {
      try {
        load(url);
      } catch (error) {
        return error;
      }
    })();

    expect(failure).toBeInstanceOf(ConfigError);
    expect(String(failure)).toContain("STORE_URL");
    expect(String(failure)).not.toContain(url);
  });

  test("is shown as set, and looked for in captures with its password in both forms", () => {
    const config = load("redis://user:long%40password@store:6379/0");

    expect(describeConfig(config)["STORE_URL"]).toBe("set");
    expect(secretTexts(config)).toEqual(
      expect.arrayContaining([config.storeUrl ?? "", "long%40password", "long@password"]),
    );
  });

  test("without a password is no secret: the log may say where the store is", () => {
    expect(secretTexts(load("redis://store:6379/0"))).toEqual([]);
    expect(secretTexts(load("redis://:word@store:6379/0"))).toEqual(["redis://:word@store:6379/0"]);
  });

  test("describeAddress shows where it is, and nothing that opens it", () => {
    expect(describeAddress("rediss://user:word@store.example.com:6380/3")).toBe("rediss://store.example.com:6380/3");
    expect(describeAddress("redis://user:word@store/0?x=word#word")).toBe("redis://store/0");
    expect(describeAddress("redis://user:word@:x")).not.toContain("word");
  });
});
