// Copies the write-ahead logs of the databases into their files, for all workers: one process does it, and none that serves
// waits for the disk meanwhile.

import { Database } from "bun:sqlite";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../telemetry/log.ts";

export interface Checkpoints {
  /** Looks at all databases once. Never throws. */
  look(): void;
  close(): void;
}

/** Copied when so much is not yet. As one process does it (store/open-database.ts). */
const maxLogBytes = 8 * 1024 * 1024;
const logName = /^(.+\.sqlite)-wal$/;

interface State {
  /** Pages in the log. */
  readonly log: number;
  readonly checkpointed: number;
}

/** @param everyMs between two looks; 0: only when `look` is called */
export function createCheckpoints(dataDir: string, log: Log, everyMs = 1000): Checkpoints {
  const databases = new Map<string, Database>();
  const timer = everyMs > 0 ? setInterval(look, everyMs).unref() : undefined;
  let hasWarned = false;

  function look(): void {
    try {
      for (const name of readdirSync(dataDir)) {
        const database = logName.exec(name)?.[1];
        if (database !== undefined) copyLog(database);
      }
      hasWarned = false;
    } catch (error) {
      // Nothing is lost by it: the logs grow, and the workers copy them when they are large.
      if (!hasWarned) log.warn("Cannot copy the log of a database into its file", { reason: String(error) });
      hasWarned = true;
    }
  }

  function copyLog(name: string): void {
    const database = databases.get(name) ?? open(name);
    using pageSize = database.prepare<{ page_size: number }, []>("PRAGMA page_size");
    using state = database.prepare<State, []>("PRAGMA wal_checkpoint(NOOP)");
    const { log: pages, checkpointed } = state.get() ?? { log: 0, checkpointed: 0 };
    const waitingBytes = (pages - checkpointed) * (pageSize.get()?.page_size ?? 0);
    if (waitingBytes < maxLogBytes) return;
    using copy = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    copy.get();
  }

  function open(name: string): Database {
    const database = new Database(join(dataDir, name), { readwrite: true, create: false });
    databases.set(name, database);
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
