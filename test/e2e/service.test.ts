// The gateway as a service of systemd: the unit that is shipped, and what the manager is told.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPlace, ensureBuilt, binaryPath, runBinary, startBinary } from "../support/binary.ts";
import { listenForNotices } from "../support/notify-socket.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(30_000);

const unitPath = join(import.meta.dir, "../../deploy/qwen-gateway.service");
const analyze = Bun.which("systemd-analyze");

describe.skipIf(process.platform !== "linux")("NOTIFY_SOCKET", () => {
  test("told: ready, alive, reloading, ready, stopping", async () => {
    using place = createPlace();
    using manager = listenForNotices(place.folder);
    const environment = { PORT: "0", NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "20000", DRAIN_TIMEOUT_MS: "5000" };
    await using gateway = await startBinary([], environment, place);
    const ready = await manager.until((text) => text.startsWith("READY=1"));
    // What is told is true.
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
    expect(ready).toBe(`READY=1\nSTATUS=Listens on ${gateway.url}`);
    await manager.until((text) => text === "WATCHDOG=1");
    const uptimeMicros = () => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1e6;
    const beforeMicros = uptimeMicros();
    gateway.kill("SIGHUP");
    const reloading = await manager.until((text) => text.startsWith("RELOADING=1"));
    const micros = Number(/MONOTONIC_USEC=(\d+)$/.exec(reloading)?.[1]);
    // Of the same clock as the manager's, as far as /proc/uptime tells.
    expect(micros).toBeGreaterThan(beforeMicros - 60e6);
    expect(micros).toBeLessThan(uptimeMicros() + 60e6);
    await manager.until(() => manager.told.filter((text) => text.startsWith("READY=1")).length === 2);
    gateway.kill("SIGTERM");
    const stopping = await manager.until((text) => text.startsWith("STOPPING=1"));

    expect(stopping).toContain("EXTEND_TIMEOUT_USEC=15000000");
    expect(await gateway.exited).toBe(0);
    const states = manager.told.filter((text) => text !== "WATCHDOG=1").map((text) => text.split("=")[0]);
    expect(states).toEqual(["READY", "RELOADING", "READY", "STOPPING"]);
  });

  test("told of a reload that an administrator orders, whose answer says what it did", async () => {
    using place = createPlace();
    using manager = listenForNotices(place.folder);
    const envFile = join(place.folder, "settings.env");
    writeFileSync(envFile, "LOG_LEVEL=info\n");
    const environment = { PORT: "0", NOTIFY_SOCKET: manager.path };
    await using gateway = await startBinary(["serve", "--env-file", envFile], environment, place);
    await manager.until((text) => text.startsWith("READY=1"));
    writeFileSync(envFile, "LOG_LEVEL=debug\n");
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${gateway.url}/admin/api/reload`, { method: "POST", headers });

    expect(await answer.json()).toMatchObject({ changed: ["LOG_LEVEL"], needs_restart: [] });
    await manager.until(() => manager.told.filter((text) => text.startsWith("READY=1")).length === 2);
    expect(manager.told.some((text) => text.startsWith("RELOADING=1"))).toBe(true);
  });

  test("told after a reload that failed too: the gateway serves on", async () => {
    using place = createPlace();
    using manager = listenForNotices(place.folder);
    const envFile = join(place.folder, "settings.env");
    writeFileSync(envFile, "LOG_LEVEL=info\n");
    const environment = { PORT: "0", NOTIFY_SOCKET: manager.path };
    await using gateway = await startBinary(["serve", "--env-file", envFile], environment, place);
    await manager.until((text) => text.startsWith("READY=1"));
    writeFileSync(envFile, "LOG_LEVEL=loud\n");
    gateway.kill("SIGHUP");
    await gateway.line((line) => line.includes("Cannot use the settings"));

    await manager.until(() => manager.told.filter((text) => text.startsWith("READY=1")).length === 2);
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
  });

  test("a socket that nobody reads is a warning", async () => {
    using place = createPlace();
    const environment = { PORT: "0", NOTIFY_SOCKET: join(place.folder, "none") };
    await using gateway = await startBinary([], environment, place);

    await gateway.line((line) => line.includes("The service manager does not listen"));
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
  });
});

test("sockets of socket activation are refused with what to do instead", async () => {
  using place = createPlace();
  const { exitCode, errors } = await runBinary(["serve"], { PORT: "0", LISTEN_FDS: "1" }, place);

  expect(exitCode).toBe(2);
  expect(errors).toContain("systemd-socket-proxyd");
});

test.skipIf(analyze === null)(
  "the unit passes systemd-analyze, and leaves little to attack (skipped without it) [RC-008]",
  () => {
    ensureBuilt();
    const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-unit-"));
    try {
      // The executable is not installed on this machine.
      const unit = readFileSync(unitPath, "utf8").replace("/usr/local/bin/qwen-gateway", binaryPath);
      const path = join(folder, "qwen-gateway.service");
      writeFileSync(path, unit);
      const verified = Bun.spawnSync([analyze ?? "", "verify", "--man=no", path], { stderr: "pipe", stdout: "pipe" });
      const rated = Bun.spawnSync([analyze ?? "", "security", "--offline=true", "--no-pager", path]);
      const exposure = /Overall exposure level for \S+: ([\d.]+)/.exec(rated.stdout.toString())?.[1];

      expect(verified.stderr.toString()).toBe("");
      expect(verified.exitCode).toBe(0);
      expect(Number(exposure)).toBeLessThan(2.5);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test("the unit reads its settings again by a reload, and runs what is shipped", () => {
  const unit = readFileSync(unitPath, "utf8");

  expect(unit).toContain("ExecStart=/usr/local/bin/qwen-gateway serve --env-file ");
  expect(unit).toContain("ExecReload=/bin/kill -HUP $MAINPID");
  expect(unit).toContain("Type=notify\n");
  expect(unit).not.toMatch(/^EnvironmentFile=/m);
});
