// The commands that look at keys and accounts, beside gateways that share a store.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommandLine } from "../../../src/cli/run-command-line.ts";
import { serveEmulator } from "../../../src/emulator/qwen-web-emulator.ts";
import { findRedis, type RedisServer, startRedis } from "../../support/redis-server.ts";

const executable = findRedis();
const masterKey = "5c".repeat(32);

describe.skipIf(executable === undefined)("commands on a shared store", () => {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-shared-"));
  const served = serveEmulator({ hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0 });
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis(executable ?? "");
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await served.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** On a machine of its own: nothing but the store is shared. */
  async function run(machine: string, words: readonly string[], changes: Readonly<Record<string, string>> = {}) {
    const lines: string[] = [];
    const exitCode = await runCommandLine(words, {
      environment: {
        ...{ DATA_DIR: join(folder, machine), STORE_URL: server.url, MASTER_KEY: masterKey },
        ...{ QWEN_BASE_URL: served.url, QWEN_AUTH_URL: served.url },
        ...changes,
      },
      print: (text) => lines.push(text),
      complain: (text) => lines.push(text),
      readInput: async () => "token=tok-of-the-work-account",
    });
    return { exitCode, text: lines.join("\n") };
  }

  test("a key that is made on one machine is listed and revoked on another [R2-084]", async () => {
    const made = await run("one", ["keys", "create", "ci"]);
    const listed = await run("two", ["keys", "list"]);
    const revoked = await run("two", ["keys", "revoke", "ci"]);
    const after = await run("one", ["keys", "list"]);

    expect([made.exitCode, listed.exitCode, revoked.exitCode]).toEqual([0, 0, 0]);
    expect(listed.text).toContain("ci");
    expect(after.text).toContain("revoked");
  });

  test("what another machine has sealed is opened with the shared MASTER_KEY, and refused without one", async () => {
    const added = await run("one", ["accounts", "add", "--alias", "work"]);
    const listed = await run("two", ["accounts", "list"]);
    const keyless = await run("two", ["accounts", "list"], { MASTER_KEY: "" });

    expect([added.text, added.exitCode]).toEqual([expect.stringContaining("work"), 0]);
    expect(listed.text).toContain("work");
    expect(listed.text).not.toContain("tok-of-the-work-account");
    expect(keyless.exitCode).toBe(1);
    expect(keyless.text).toContain("Cannot use the shared store of STORE_URL without MASTER_KEY");
  });

  test("keys rotate-master wants to be told that all gateways know the new key", async () => {
    const changes = { MASTER_KEY: "6d".repeat(32), MASTER_KEY_PREVIOUS: masterKey };
    const refused = await run("one", ["keys", "rotate-master"], changes);
    const done = await run("one", ["keys", "rotate-master", "--after-reload"], changes);
    const listed = await run("two", ["accounts", "list"], { MASTER_KEY: changes.MASTER_KEY });

    expect(refused.exitCode).toBe(1);
    expect(refused.text).toContain("reload all gateways of this store");
    expect([done.text, done.exitCode]).toEqual([expect.stringContaining("Sealed 1 account with MASTER_KEY"), 0]);
    expect(listed.text).toContain("work");
    expect(listed.text).not.toContain("another key");
  });

  test("doctor tells how the store is, and does not touch it offline", async () => {
    const changes = { QWEN_TOKEN: "test-token" };
    const sound = await run("one", ["doctor"], changes);
    const offline = await run("one", ["doctor", "--offline"], { ...changes, STORE_URL: "redis://127.0.0.1:1" });
    const away = await run("one", ["doctor"], { ...changes, STORE_URL: "redis://:secret-word@127.0.0.1:1" });

    expect(sound.text).toMatch(/^ok +shared store +redis:\/\/127\.0\.0\.1:\d+\/0 answers in/m);
    expect(offline.text).toMatch(/^ok +shared store +not asked/m);
    expect(away.exitCode).toBe(1);
    expect(away.text).toMatch(/^fail +shared store +redis:\/\/127\.0\.0\.1:1 cannot be reached/m);
    expect(away.text).not.toContain("secret-word");
  });
});
