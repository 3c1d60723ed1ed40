// Waits for another process's write without blocking the event loop.

import { SQLiteError } from "bun:sqlite";
import { GatewayError } from "../contract/gateway-error.ts";

/** All attempts together. Writers hold the lock for well under a millisecond, so this is a stuck process. */
const defaultGiveUpAfterMs = 2000;
const maxWaitMs = 50;

/** Another process stands in the way for a moment, and SQLite has no code for it. */
export class BusyError extends Error {}

export function isBusy(error: unknown): boolean {
  if (error instanceof BusyError) return true;
  return error instanceof SQLiteError && (error.code ?? "").startsWith("SQLITE_BUSY");
}

/**
 * Runs `work` at once, and again while the database is locked.
 * @throws {GatewayError} `overloaded` after `giveUpAfterMs` of it; any other failure as it is.
 */
export async function retryWhileBusy<Result>(
  work: () => Result,
  giveUpAfterMs = defaultGiveUpAfterMs,
): Promise<Result> {
  try {
    return work();
  } catch (error) {
    return await retryAfter(error, work, giveUpAfterMs);
  }
}

/** The same after a first attempt, which failed with `failure`. */
export async function retryAfter<Result>(
  failure: unknown,
  work: () => Result,
  giveUpAfterMs = defaultGiveUpAfterMs,
): Promise<Result> {
  const deadlineMs = performance.now() + giveUpAfterMs;
  let error = failure;
  for (let waitMs = 2; ; waitMs = Math.min(waitMs * 2, maxWaitMs)) {
    if (!isBusy(error)) throw error;
    if (performance.now() + waitMs > deadlineMs) {
      throw new GatewayError("overloaded", "Cannot write to the store: another process keeps it locked", {
        cause: error,
        retryable: true,
      });
    }
    // Jitter, or workers that met once meet again.
    await Bun.sleep(waitMs * (0.5 + Math.random() / 2));
    try {
      return work();
    } catch (next) {
      error = next;
    }
  }
}
