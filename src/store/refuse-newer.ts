// A database file of a newer version refused before anything of it is used. Of those that are opened late, the start would
// otherwise say nothing.

import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { newerSchema, readVersion } from "./migrate.ts";

/** Milliseconds that it waits for whoever writes. */
const busyTimeoutMs = 1000;

/**
 * What is damaged, or cannot be read, is passed over: whoever opens it says so, and everything else is served meanwhile.
 * @param known the newest schema that this binary knows
 * @throws {GatewayError} when the file was written by a newer version
 */
export function refuseNewer(path: string, known: number): void {
  const found = existsSync(path) ? findVersion(path) : 0;
  if (found > known) throw newerSchema(path, found, known);
}

function findVersion(path: string): number {
  try {
    // Not by its head alone: what a version wrote may stand in the log beside the file.
    using database = new Database(path, { readwrite: true, create: false, strict: true });
    database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    return readVersion(database);
  } catch {
    return 0;
  }
}
