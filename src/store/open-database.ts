// Opens the database file: its directory and mode, its pragmas, its schema. Failures become one sentence.

import { Database, SQLiteError } from "bun:sqlite";
import { closeSync, fstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { GatewayError } from "../contract/gateway-error.ts";
import type { Log } from "../telemetry/log.ts";
import { isBusy } from "./busy-retry.ts";
import { migrate, migrations } from "./migrate.ts";

/** Milliseconds that a statement may block the event loop for another process; beyond it the retry is asynchronous. */
const busyTimeoutMs = 20;
/** At start nothing else waits for the event loop: other workers may migrate meanwhile. */
const openTimeoutMs = 5000;
/**
 * Of a new file; an older one keeps its 4096. A turn touches a few rows, each in another page, and writes those whole:
 * half the page is 30 to 40 % fewer bytes, and up to a tenth of the time. With 1024 it is more pages than it saves.
 */
const pageBytes = 2048;
/** A database that ends with its process. */
export const inMemory = ":memory:";
/** Of the write-ahead log, before it is copied into the file. */
export const maxLogBytes = 8 * 1024 * 1024;
/** The same where another process copies it: only should that one fail. */
const fallbackLogBytes = 8 * maxLogBytes;

/** Who copies the write-ahead log into the file. Of several workers none does: workers/checkpoints.ts. */
export type LogCopying = "own" | "elsewhere";

/**
 * @param path of the file, or `inMemory`
 * @throws {GatewayError} when the file cannot be opened, is no database, is damaged, or belongs to a newer version.
 */
export function openDatabase(
  path: string,
  log: Log,
  steps: readonly string[] = migrations,
  copying: LogCopying = "own",
): Database {
  try {
    const fileId = path === inMemory ? undefined : createPrivateFile(path);
    const database = new Database(path, { create: true, strict: true });
    try {
      prepareDatabase(database, path, log, steps, copying);
      if (fileId !== undefined && statSync(path).ino !== fileId) throw replaced(path);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw openFailure(path, error);
  }
}

/** A failure to open, as a sentence that says what to do. */
export function openFailure(path: string, error: unknown): GatewayError {
  return new GatewayError("internal", `Cannot open the store "${path}": ${adviceFor(error)}`, { cause: error });
}

function prepareDatabase(
  database: Database,
  path: string,
  log: Log,
  steps: readonly string[],
  copying: LogCopying,
): void {
  database.run(`PRAGMA busy_timeout = ${openTimeoutMs}`);
  // Both silently without effect after the first write, so they come before the journal mode.
  database.run(`PRAGMA page_size = ${pageBytes}`);
  database.run("PRAGMA auto_vacuum = 2");
  enableWriteAheadLog(database);
  // A killed process loses nothing; FULL would guard against a power cut at ten times the cost of a turn.
  database.run("PRAGMA synchronous = NORMAL");
  // Half as often as by default: pages that many turns share are copied half as often, and no copying takes 20 ms.
  const logBytes = copying === "own" ? maxLogBytes : fallbackLogBytes;
  database.run(`PRAGMA wal_autocheckpoint = ${Math.round(logBytes / readPageBytes(database))}`);
  const found = migrateErasing(database, path, steps);
  if (found < steps.length) log.info("Migrated the store", { fromVersion: found, toVersion: steps.length });
  database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
}

/** What a step moves is written over in its former place: whoever deletes it later finds only the new one. */
function migrateErasing(database: Database, path: string, steps: readonly string[]): number {
  database.run("PRAGMA secure_delete = ON");
  const found = migrate(database, path, steps);
  database.run("PRAGMA secure_delete = OFF");
  return found;
}

function readPageBytes(database: Database): number {
  using statement = database.prepare<{ page_size: number }, []>("PRAGMA page_size");
  return statement.get()?.page_size ?? pageBytes;
}

/** The change of the journal mode reports "busy" without waiting when several workers open a new file at once. */
function enableWriteAheadLog(database: Database): void {
  const deadlineMs = performance.now() + openTimeoutMs;
  for (;;) {
    try {
      database.run("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadlineMs) throw error;
      Bun.sleepSync(5);
    }
  }
}

/** SQLite gives its side files the mode of the database. @returns which file it is */
function createPrivateFile(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, "a", 0o600);
  try {
    return fstatSync(file).ino;
  } finally {
    closeSync(file);
  }
}

/** From here on nobody can: whoever wants to has to wait until this process has closed it. */
function replaced(path: string): GatewayError {
  return new GatewayError(
    "internal",
    `Cannot open the store "${path}": another file took its place a moment ago; start again`,
  );
}

function adviceFor(error: unknown): string {
  const code = error instanceof SQLiteError ? (error.code ?? "") : "";
  if (code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT")) {
    return "the file is damaged or no database; move it away to start with an empty store, or restore a copy of it";
  }
  if (isBusy(error)) return "another process keeps it locked; stop that process, or name another data directory";
  // The second is said of a file that is there already: of what it needs beside it, the index of its log comes first.
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE") return "the disk is full; free some space";
  return "it cannot be read and written; check that its directory exists and belongs to this user, or name another one";
}
