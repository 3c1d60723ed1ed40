// Brings a database to the schema that this binary knows. Migrations are numbered and never edited after release.

import type { Database } from "bun:sqlite";
import { GatewayError } from "../contract/gateway-error.ts";
import turns from "./migrations/001-turns.sql" with { type: "text" };
import accounts from "./migrations/002-accounts.sql" with { type: "text" };
import fewerPages from "./migrations/003-fewer-pages.sql" with { type: "text" };
import messages from "./migrations/004-messages.sql" with { type: "text" };
import accessSpans from "./migrations/005-access-spans.sql" with { type: "text" };
import callers from "./migrations/006-callers.sql" with { type: "text" };
import amountTimes from "./migrations/007-amount-times.sql" with { type: "text" };

/** In order: the first one brings an empty file to version 1. */
export const migrations: readonly string[] = [turns, accounts, fewerPages, messages, accessSpans, callers, amountTimes];

/**
 * Applies what is missing, each migration in one transaction together with its number.
 * @returns the version that was found.
 * @throws {GatewayError} when the database was written by a newer binary.
 */
export function migrate(database: Database, path: string, steps: readonly string[] = migrations): number {
  const found = readVersion(database);
  if (found > steps.length) throw newerSchema(path, found, steps.length);
  for (const [index, step] of steps.entries()) applyStep(database, index + 1, step);
  return found;
}

export function newerSchema(path: string, found: number, known: number): GatewayError {
  return new GatewayError(
    "internal",
    `Cannot open the store "${path}": it was written by a newer version of this program (schema ${found}, known here ` +
      `is ${known}); start that version, or name another data directory`,
  );
}

function applyStep(database: Database, version: number, step: string): void {
  if (readVersion(database) >= version) return;
  database.run("BEGIN IMMEDIATE");
  try {
    // Asked again inside: another worker may have been faster.
    if (readVersion(database) < version) {
      database.run(step);
      database.run(`PRAGMA user_version = ${version}`);
    }
    database.run("COMMIT");
  } catch (error) {
    if (database.inTransaction) database.run("ROLLBACK");
    throw error;
  }
}

export function readVersion(database: Database): number {
  using statement = database.prepare<{ user_version: number }, []>("PRAGMA user_version");
  return statement.get()?.user_version ?? 0;
}

/** Writes the version that is there: a write that changes nothing, within a transaction of the caller. */
export function rewriteVersion(database: Database): void {
  database.run(`PRAGMA user_version = ${readVersion(database)}`);
}
