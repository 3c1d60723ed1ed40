// Commands whose standard output takes nothing: a full disk, a reader that is gone, a full pipe. From source, as processes.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, constants as modes, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { loadOrCreateAgentToken } from "../../../src/config/agent-token-file.ts";
import { eventually } from "../../support/binary.ts";
import { freePort, isListening } from "../../support/ports.ts";

const bootFile = join(import.meta.dir, "..", "..", "..", "src", "boot.ts");
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lost-output-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settings = () => ({ PATH: process.env["PATH"] ?? "", HOME: folder, DATA_DIR: folder });

/** With a standard output that takes nothing. */
function startFull(words: readonly string[]) {
  const full = openSync("/dev/full", "w");
  const child = Bun.spawn([process.execPath, bootFile, ...words], {
    cwd: folder,
    env: settings(),
    stdio: ["ignore", full, "pipe"],
  });
  closeSync(full);
  return child;
}

/** That nobody reads. */
function openFullPipe(): number {
  const path = join(folder, "pipe");
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  const pipe = openSync(path, modes.O_RDWR | modes.O_NONBLOCK);
  expect(() => {
    for (;;) writeSync(pipe, "x".repeat(4096));
  }).toThrow("EAGAIN");
  return pipe;
}

/** Whether a process has a listener of its own for a signal. */
function isCaught(pid: number, signal: "SIGTERM"): boolean {
  const [, mask = "0"] = /^SigCgt:\s*(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

async function runFull(...words: string[]) {
  const child = startFull(words);
  const complaints = await new Response(child.stderr).text();
  return { exitCode: await child.exited, complaints };
}

/** By a shell, which connects its output as the line says. */
function startShell(line: string) {
  return Bun.spawn(["sh", "-c", line, process.execPath, bootFile], {
    cwd: folder,
    env: settings(),
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function runShell(line: string): Promise<string> {
  const child = startShell(line);
  const [output, complaints] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return output + complaints;
}

const keyNames = async (): Promise<readonly string[]> => {
  const list = await runShell('"$0" "$1" keys list --json');
  return (JSON.parse(list) as { name: string }[]).map(({ name }) => name);
};

describe.skipIf(process.platform !== "linux")("a command that cannot print", () => {
  test("fails and says why", async () => {
    for (const words of [
      ["version"],
      ["--help"],
      ["keys", "list"],
      ["keys", "create", "--help"],
      ["doctor", "--offline"],
    ]) {
      expect([words, await runFull(...words)]).toEqual([
        words,
        { exitCode: 1, complaints: "Cannot write to standard output: ENOSPC: no space left on device, write\n" },
      ]);
    }
  });

  test("keys create takes the key back that nobody has seen", async () => {
    for (const form of [[], ["--json"]]) {
      const { exitCode, complaints } = await runFull("keys", "create", "ann", ...form);

      expect(exitCode).toBe(1);
      expect(complaints).toStartWith(
        'Key "ann" could not be shown, and was removed again\nCannot write to standard output: ENOSPC',
      );
    }
    const heard = await runShell('{ { sleep 0.2; "$0" "$1" keys create bob; echo "exit code $?" >&2; } | true; } 2>&1');
    expect(heard).toContain(
      'Key "bob" could not be shown, and was removed again\nCannot write to standard output: EPIPE',
    );
    expect(heard).toContain("exit code 1\n");
    expect(await keyNames()).toEqual([]);
  });

  test("a server serves all the same, and tells where its generated secret is", async () => {
    const child = startFull(["serve", "--port", "0"]);
    const decoder = new TextDecoder();
    let complaints = "";
    for await (const chunk of child.stderr) {
      complaints += decoder.decode(chunk);
      if (complaints.includes("Cannot write to standard output")) break;
    }
    child.kill("SIGTERM");

    expect(complaints).toContain('"file":"agent-token"');
    expect(await child.exited).toBe(0);
  });

  test("a server that starts again on the pipe of its log, which nobody reads, serves all the same", async () => {
    loadOrCreateAgentToken(folder);
    const port = freePort();
    const pipe = openFullPipe();
    const child = Bun.spawn([process.execPath, bootFile, "serve", "--port", String(port)], {
      cwd: folder,
      env: settings(),
      stdio: ["ignore", pipe, pipe],
      timeout: 15_000,
      killSignal: "SIGKILL",
    });
    closeSync(pipe);
    await eventually(
      async () => ((await isListening(port)) ? true : undefined),
      () => "the server listens",
    );
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    child.kill("SIGTERM");

    expect(await child.exited).toBe(0);
  });

  test("nor complain ends, and serves where it is a server", async () => {
    expect(await runShell('"$0" "$1" version >/dev/full 2>/dev/full; echo "exit code $?"')).toBe("exit code 1\n");
    const child = startShell('exec "$0" "$1" emulate --port 0 >/dev/full 2>/dev/full');
    // It can say nothing: that it listens to this signal says that it serves.
    await eventually(
      async () => (isCaught(child.pid, "SIGTERM") ? true : undefined),
      () => "the emulator serves",
    );
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test("a reader that takes its time gets all of it", async () => {
    const whole = await runShell('"$0" "$1" serve --help');
    const slow = await runShell('"$0" "$1" serve --help | { sleep 1; cat; }');

    expect(whole.length).toBeGreaterThan(16_384);
    expect(slow).toBe(whole);
  });
});
