// The folder of the sockets by which workers reach one another: in the data directory, readable by its owner alone.

import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRunning } from "../store/lease-owner.ts";

/** Of an address of a unix socket, on Linux and on macOS. */
const mostPathBytes = 103;
const longestName = "4194304.sock";
const socketName = /^(\d+)\.sock$/;

export interface RunFolder {
  readonly path: string;
  /** What is in it goes. */
  close(): void;
}

/**
 * Makes it where it is missing, and removes sockets of processes that are gone.
 * @throws when it cannot be made
 */
export function openRunFolder(dataDir: string): RunFolder {
  const own = join(dataDir, "run");
  const fits = Buffer.byteLength(join(own, longestName)) <= mostPathBytes;
  if (!fits) {
    // Nobody else has to find it there: the supervisor tells its workers.
    const path = mkdtempSync(join(tmpdir(), "qwen-gateway-"));
    return { path, close: () => rmSync(path, { recursive: true, force: true }) };
  }
  mkdirSync(own, { recursive: true, mode: 0o700 });
  chmodSync(own, 0o700);
  for (const name of readdirSync(own)) {
    const pid = socketName.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(own, name), { force: true });
  }
  return { path: own, close() {} };
}

export function socketPathOf(folder: string, pid: number): string {
  return join(folder, `${pid}.sock`);
}
