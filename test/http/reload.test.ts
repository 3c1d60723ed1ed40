// Reloads of an app in this process: one after another, refused when they must be, and nothing of former settings is left.

import { heapStats } from "bun:jsc";
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, createApp } from "../../src/app.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { createLog } from "../../src/telemetry/create-log.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** An app whose settings a test changes. */
async function startApp(settings: Record<string, string>) {
  const dataDir = mkdtempSync(join(tmpdir(), "qwen-gateway-reload-"));
  folders.push(dataDir);
  const load = () => {
    const environment = { DATA_DIR: dataDir, PORT: "0", LOG_LEVEL: "info", ...settings };
    return { config: loadConfig({ environment, flags: {} }).config, environment };
  };
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: "info", format: "json", write: (line) => void lines.push(JSON.parse(line)) });
  const app: App = await createApp(load().config, { log, readSettings: load });
  const { url } = await app.start();
  const status = async (key: string) =>
    (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;
  return { app, lines, status };
}

test("reloads that are asked for at once run one after the other, each with the settings of its moment", async () => {
  const settings: Record<string, string> = { API_KEY: "one" };
  const { app, status } = await startApp(settings);
  const first = app.reload();
  settings["API_KEY"] = "two";
  const second = app.reload();

  expect((await first).changed).toEqual(["API_KEY"]);
  expect((await second).changed).toEqual([]);
  expect([await status("one"), await status("two")]).toEqual([401, 200]);
  expect(app.config.apiKey).toEqual(["two"]);
  await app.stop();
});

test("a reload that fails is told to whoever asked and in the log, and the next one works", async () => {
  const settings: Record<string, string> = { API_KEY: "one" };
  const { app, lines, status } = await startApp(settings);
  Object.assign(settings, { API_KEY: "two", MAX_STREAMS: "none" });

  await expect(app.reload()).rejects.toBeInstanceOf(ConfigError);
  expect([await status("one"), await status("two")]).toEqual([200, 401]);
  const refusals = lines.filter(({ level }) => level === "error");
  expect(refusals).toMatchObject([{ reason: expect.stringContaining("MAX_STREAMS") }]);
  delete settings["MAX_STREAMS"];
  await app.reload();
  expect([await status("one"), await status("two")]).toEqual([401, 200]);
  await app.stop();
  await expect(app.reload()).rejects.toThrow("stopping");
});

test("nothing of former settings stays in memory", async () => {
  const { app } = await startApp({});
  const reloadOften = async (times: number): Promise<number> => {
    for (let count = 0; count < times; count++) await app.reload();
    await new Promise((resolve) => void setImmediate(resolve));
    Bun.gc(true);
    return heapStats().heapSize;
  };
  const before = await reloadOften(20);
  const after = await reloadOften(100);
  await app.stop();

  // One set of what settings make is a fifth of a megabyte.
  expect(after - before).toBeLessThan(6_000_000);
});
