// The program that runs, to be started once more.

import { statSync } from "node:fs";

/**
 * Where an upgrade has replaced its file, Linux still has what runs. The runtime names the file as it was when it was first asked,
 * where another version may stand by now.
 */
export function ownProgram(): string {
  const { execPath, pid } = process;
  const running = `/proc/${pid}/exe`;
  const own = identify(running);
  return own === undefined || own === identify(execPath) ? execPath : running;
}

/** Undefined: it is gone, or may not be looked at, as what runs by a file with capabilities. */
function identify(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
