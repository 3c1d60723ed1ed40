// A database that nobody else has open, as long as it is held: for whoever exchanges it or changes its schema.

import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { isBusy } from "./busy-retry.ts";

/**
 * Whoever has a database with a write-ahead log open holds a lock on it, also while it does nothing, and a process that was
 * killed holds none: there is no file that could be left over.
 * @returns undefined when there is no such database, or it cannot be read
 * @throws {DatabaseInUse} when a process has it open
 */
export function lockDatabase(path: string): Disposable | undefined {
  if (!existsSync(path)) return undefined;
  try {
    // Its log is written into it and gone: the file alone is the database then. Whoever opens it next makes one anew.
    openAlone(path, "DELETE").close();
    // Without a file beside it, which would go where the database goes.
    const held = openAlone(path, "MEMORY");
    return { [Symbol.dispose]: () => held.close() };
  } catch (error) {
    if (isBusy(error)) throw new DatabaseInUse(path);
    return undefined;
  }
}

function openAlone(path: string, journal: "DELETE" | "MEMORY"): Database {
  const database = new Database(path, { readwrite: true, create: false });
  try {
    database.run("PRAGMA busy_timeout = 0");
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run(`PRAGMA journal_mode = ${journal}`);
    database.run("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export class DatabaseInUse extends Error {
  override readonly name = "DatabaseInUse";

  constructor(path: string) {
    super(`"${path}" is open in another process: stop the gateway that runs on it, and its commands`);
  }
}
