// Whether processes live, for tests of those that must not.

import { readFileSync } from "node:fs";

/** A process that has ended and was not yet fetched by its parent does not live. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Waits until it has ended. @throws {Error} when it lives on */
export async function untilEnded(pid: number): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (isAlive(pid)) {
    if (performance.now() > deadlineMs) throw new Error(`process ${pid} lives on`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
