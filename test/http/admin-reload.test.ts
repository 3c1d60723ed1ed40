// What whoever looks after a gateway has changed outlives a reload of its settings, and what he is told is of the new ones.

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "../../src/app.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { type ServeEmulatorOptions, serveEmulator } from "../../src/emulator/qwen-web-emulator.ts";
import { createLog } from "../../src/telemetry/create-log.ts";

interface Sent {
  readonly method?: string;
  readonly body?: string;
  /** @defaultValue of an administrator */
  readonly key?: string;
}

/** A gateway whose settings a test changes. */
async function startApp(settings: Record<string, string>, emulator: Partial<ServeEmulatorOptions> = {}) {
  const served = serveEmulator({ hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0, ...emulator });
  const dataDir = mkdtempSync(join(tmpdir(), "qwen-gateway-admin-"));
  const load = () => {
    const environment = {
      DATA_DIR: dataDir,
      PORT: "0",
      QWEN_TOKEN: "test-token",
      QWEN_BASE_URL: served.url,
      QWEN_AUTH_URL: served.url,
      ...settings,
    };
    return { ...loadConfig({ environment, flags: {} }), environment };
  };
  const { config, ...rest } = load();
  const log = createLog({ level: "error", format: "json", write: () => {} });
  const app = await createApp(config, { log, ...rest, readSettings: load });
  const { url } = await app.start();

  async function send(path: string, { key = "the-admin", ...init }: Sent = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    return fetch(url + path, { ...init, headers });
  }

  async function ask(path: string, init?: Sent) {
    const response = await send(path, init);
    // Of each of them.
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  return {
    app,
    send,
    ask,
    async [Symbol.asyncDispose]() {
      await app.stop();
      await served.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

const hello = JSON.stringify({ model: "qwen3-max", messages: [{ role: "user", content: "Hello" }] });

test("a paused upstream and a paused account stay so over a reload, until they are resumed", async () => {
  const settings: Record<string, string> = { API_KEY: "a-client", ADMIN_KEY: "the-admin" };
  await using gateway = await startApp(settings);
  const chat = () => gateway.ask("/v1/chat/completions", { method: "POST", body: hello, key: "a-client" });
  const act = (path: string) => gateway.ask(`/admin/api/${path}`, { method: "POST", body: "{}" });
  expect((await act("upstreams/qwen-web/pause")).body).toMatchObject({ paused: true });
  const { body } = await gateway.ask("/admin/api/accounts");
  const [account] = body["data"] as { id: string }[];
  expect((await act(`accounts/${account?.id}/pause`)).status).toBe(200);

  settings["MAX_STREAMS"] = "7";
  expect((await gateway.app.reload()).changed).toEqual(["MAX_STREAMS"]);

  expect((await gateway.ask("/admin/api/upstreams")).body).toMatchObject({ data: [{ paused: true }] });
  expect((await gateway.ask("/admin/api/accounts")).body).toMatchObject({ data: [{ state: "paused" }] });
  expect((await chat()).status).toBe(503);
  await act("upstreams/qwen-web/resume");
  expect((await chat()).status).toBe(503);
  await act(`accounts/${account?.id}/resume`);
  expect((await chat()).status).toBe(200);
});

test("a reload changes who the administrators are, and where settings are told to come from", async () => {
  const settings: Record<string, string> = { API_KEY: "a-client", ADMIN_KEY: "the-admin" };
  await using gateway = await startApp(settings);
  const toldOf = async (name: string, key: string) => {
    const { body } = await gateway.ask("/admin/api/config", { key });
    const told = body["settings"] as { name: string; source: string; value: unknown }[];
    return told.find((one) => one.name === name);
  };
  expect(await toldOf("DEFAULT_MODEL", "the-admin")).toMatchObject({ source: "default" });

  Object.assign(settings, { ADMIN_KEY: "another", DEFAULT_MODEL: "qwen3-max", HOST: "127.0.0.2" });
  expect((await gateway.app.reload()).needsRestart).toEqual(["HOST"]);

  expect((await gateway.ask("/admin/api/config")).status).toBe(401);
  expect(await toldOf("DEFAULT_MODEL", "another")).toMatchObject({ source: "environment", value: "qwen3-max" });
  // What only a restart can change is told as it is in force.
  expect(await toldOf("HOST", "another")).toMatchObject({ source: "default", value: "127.0.0.1" });
});

test("a reload that would make a client an administrator is refused, and everything stays as it was", async () => {
  const settings: Record<string, string> = { API_KEY: "a-client", ADMIN_KEY: "the-admin" };
  await using gateway = await startApp(settings);
  settings["ADMIN_KEY"] = "a-client";

  await expect(gateway.app.reload()).rejects.toBeInstanceOf(ConfigError);
  expect((await gateway.ask("/admin/api/status", { key: "a-client" })).status).toBe(403);
  expect((await gateway.ask("/admin/api/status")).status).toBe(200);
});

test("a reply that former settings began is listed after a reload, and can be ended", async () => {
  await using gateway = await startApp({ API_KEY: "a-client", ADMIN_KEY: "the-admin" }, { tokenDelayMs: 50 });
  const messages = [{ role: "user", content: "Count to 500" }];
  const begun = await gateway.send("/v1/chat/completions", {
    method: "POST",
    body: JSON.stringify({ model: "qwen3-max", stream: true, messages }),
    key: "a-client",
  });
  const reader = begun.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? "";
  const live = async () => (await gateway.ask("/admin/api/streams")).body["data"] as { id: string }[];
  const [reply] = await live();

  await gateway.app.reload();

  expect(await live()).toMatchObject([{ id: reply?.id }]);
  expect((await gateway.ask(`/admin/api/streams/${reply?.id}`, { method: "DELETE" })).status).toBe(200);
  for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
  expect(text).toContain("was ended by whoever runs this gateway");
});
