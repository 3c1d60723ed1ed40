// Copies the write-ahead logs of the databases into their files, for all workers: one process does it, and none that serves
// waits for the disk meanwhile.

import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { maxLogBytes } from "../store/open-database.ts";
import type { Log } from "../telemetry/log.ts";

export interface Checkpoints {
  /** Looks at all databases once. Never throws. */
  look(): void;
  close(): void;
}

interface State {
  /** Pages in the log. */
  readonly log: number;
  readonly checkpointed: number;
}

/**
 * @param paths of the databases, which need not be there yet
 * @param everyMs between two looks; 0: only when `look` is called
 */
export function createCheckpoints(paths: readonly string[], log: Log, everyMs = 1000): Checkpoints {
  const databases = new Map<string, Database>();
  const timer = everyMs > 0 ? setInterval(look, everyMs).unref() : undefined;
  let hasWarned = false;

  function look(): void {
    try {
      for (const path of paths) copyLog(path);
      hasWarned = false;
    } catch (error) {
      // Nothing is lost by it: the logs grow, and the workers copy them when they are large.
      if (!hasWarned) log.warn("Cannot copy the log of a database into its file", { reason: String(error) });
      hasWarned = true;
    }
  }

  function copyLog(path: string): void {
    const database = databases.get(path) ?? open(path);
    if (database === undefined) return;
    using pageSize = database.prepare<{ page_size: number }, []>("PRAGMA page_size");
    using state = database.prepare<State, []>("PRAGMA wal_checkpoint(NOOP)");
    const { log: pages, checkpointed } = state.get() ?? { log: 0, checkpointed: 0 };
    const waitingBytes = (pages - checkpointed) * (pageSize.get()?.page_size ?? 0);
    if (waitingBytes < maxLogBytes) return;
    // Waits for nobody: what is read or written just now is copied the next time.
    using copy = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    copy.get();
  }

  /** Not before a worker has made it: with its mode, its pragmas and its schema. */
  function open(path: string): Database | undefined {
    if (!existsSync(`${path}-wal`)) return undefined;
    const database = new Database(path, { readwrite: true, create: false });
    databases.set(path, database);
    return database;
  }

  return {
    look,
    close() {
      clearInterval(timer);
      for (const database of databases.values()) database.close();
      databases.clear();
    },
  };
}
