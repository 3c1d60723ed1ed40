// How the budget of the history's file is shared out. Apart from the driver, which is loaded late.

import { join } from "node:path";

export interface HistoryBudget {
  /** Of the file, its log included, in bytes. At least 4 MiB. */
  readonly maxBytes: number;
}

/** It is moved into the file at once, which takes 10 to 20 ms when it is full. */
const mostLogBytes = 4 * 1024 * 1024;

export const historyDatabaseName = "history.db";

export function historyDatabasePath(dataDir: string): string {
  return join(dataDir, historyDatabaseName);
}

/** What of it is the write-ahead log's. */
export function logBytesOf(maxBytes: number): number {
  return Math.min(mostLogBytes, Math.floor(maxBytes / 4));
}

/** Largest content of one request, and of one reply, in bytes of JSON: both must fit one transaction, and that the log. */
export function largestContentBytes(maxBytes: number): number {
  return Math.floor(logBytesOf(maxBytes) / 32);
}
