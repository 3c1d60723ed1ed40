// The program that runs, to be started once more.

import { existsSync } from "node:fs";

/** Where an upgrade has replaced its file, Linux still has what runs; the runtime names the file as it is no more. */
export function ownProgram(): string {
  const { execPath, pid } = process;
  const running = `/proc/${pid}/exe`;
  return existsSync(execPath) || !existsSync(running) ? execPath : running;
}
