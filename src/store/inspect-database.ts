// A database file looked at without changing it: whether it is one, and which schema it has.

import { Database } from "bun:sqlite";
import { GatewayError } from "../contract/gateway-error.ts";
import { newerSchema, readVersion } from "./migrate.ts";
import { openFailure } from "./open-database.ts";

/** Milliseconds that it waits for whoever writes. */
const busyTimeoutMs = 1000;

/**
 * @param known the newest schema that this binary knows
 * @returns the schema of the file; 0 of an empty one
 * @throws {GatewayError} when it cannot be opened, is no database, is damaged where that shows, or is of a newer version.
 */
export function inspectDatabase(path: string, known: number): number {
  try {
    using database = new Database(path, { readwrite: true, create: false, strict: true });
    database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    const version = readVersion(database);
    // The first page of the tables: what is no database fails here at the latest.
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    if (version > known) throw newerSchema(path, version, known);
    return version;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw openFailure(path, error);
  }
}
