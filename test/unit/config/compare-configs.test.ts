// What a reload may change: every setting but those of the socket and of the data directory.

import { expect, test } from "bun:test";
import { compareConfigs } from "../../../src/config/compare-configs.ts";
import { loadConfig } from "../../../src/config/load-config.ts";

const load = (environment: Record<string, string>) =>
  loadConfig({ environment: { HOME: "/h", ...environment }, flags: {} }).config;

test("compareConfigs names what differs, and nothing where nothing does", () => {
  const before = load({ API_KEY: "one,two", MODEL_ROUTES: '{"a":"b"}' });

  expect(compareConfigs(before, load({ API_KEY: "one,two", MODEL_ROUTES: '{"a":"b"}' }))).toMatchObject({
    changed: [],
    needsRestart: [],
  });
  expect(compareConfigs(before, load({ API_KEY: "one", MODEL_ROUTES: '{"a":"c"}' })).changed).toEqual([
    "API_KEY",
    "MODEL_ROUTES",
  ]);
});

test("compareConfigs keeps what only a restart can change", () => {
  const before = load({ PORT: "1000", DATA_DIR: "/one" });
  const next = load({ PORT: "2000", DATA_DIR: "/two", HOST: "::1", LOG_LEVEL: "warn" });
  const { config, changed, needsRestart } = compareConfigs(before, next);

  expect(needsRestart).toEqual(["HOST", "PORT", "DATA_DIR"]);
  expect(changed).toEqual(["LOG_LEVEL"]);
  expect(config).toMatchObject({ host: "127.0.0.1", port: 1000, dataDir: "/one", logLevel: "warn" });
});
