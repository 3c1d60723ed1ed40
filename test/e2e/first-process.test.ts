// The executable as the first process of a container, to which the system sends no signal that it does not listen to.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createPlace, ensureBuilt, eventually } from "../support/binary.ts";

const canUnshare =
  process.platform === "linux" &&
  process.getuid?.() === 0 &&
  Bun.which("unshare") !== null &&
  Bun.spawnSync(["unshare", "--pid", "--fork", "true"]).exitCode === 0;

/** The one child of a process, once it listens to SIGINT. */
function listeningChild(parent: number): number | undefined {
  const [pid] = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").split(" ");
  if (!pid) return undefined;
  const [, caught] = /^SigCgt:\t(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return (BigInt(`0x${caught}`) & 0b10n) === 0n ? undefined : Number(pid);
}

test.skipIf(!canUnshare).each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)(
  "a command that waits for its input is ended by %s as process 1 too (skipped without the right to unshare)",
  async (signal, code) => {
    using place = createPlace();
    ensureBuilt();
    const words = ["unshare", "--pid", "--fork", "--kill-child", place.executable, "accounts", "add"];
    const child = Bun.spawn(words, { env: { HOME: place.home }, cwd: place.folder, stdin: "pipe" });
    const pid = await eventually(
      async () => listeningChild(child.pid),
      () => "the command listens to signals",
    );

    process.kill(pid, signal);

    expect(await child.exited).toBe(code);
  },
);
