// What a backup holds: the databases and the secrets of a data directory, and what it says of them. A tar archive, so that
// it can be looked into without this program.

import { chatDatabaseName, chatMigrations } from "../store/chat-database.ts";
import { historyDatabaseName } from "../store/history-budget.ts";
import { migrations } from "../store/migrate.ts";
import { fileDatabaseName, fileMigrations } from "../store/sqlite/files.ts";
import { historyMigrations } from "../store/sqlite/history.ts";
import { databaseName } from "../store/sqlite/open-store.ts";

/** By file, what brings it to the newest schema that this binary knows. */
export const knownMigrations: Readonly<Record<string, readonly string[]>> = {
  [databaseName]: migrations,
  [chatDatabaseName]: chatMigrations,
  [fileDatabaseName]: fileMigrations,
  [historyDatabaseName]: historyMigrations,
};

/** By file: the newest schema that this binary knows. */
export const knownSchemas: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(knownMigrations).map(([name, { length }]) => [name, length]),
);

/** In the order in which they are copied: what was said may be newer than the turns, which then begin anew. */
export const databaseNames: readonly string[] = Object.keys(knownMigrations);
export const secretNames: readonly string[] = ["master-key", "api-key", "agent-token"];

export const manifestName = "manifest.json";
/** Far above what one has. */
export const mostManifestBytes = 64 * 1024;
export const mostSecretBytes = 4096;
/** Of the archive and of its description. */
export const format = 1;

export interface BackedUpFile {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** Of a database. */
  readonly schema?: number;
}

export interface Manifest {
  readonly format: number;
  /** Of the program that wrote it. */
  readonly version: string;
  readonly createdAt: string;
  /** Absent: those that there were are among the files. `left-out`: they stay where they are. */
  readonly secrets?: "left-out";
  readonly files: readonly BackedUpFile[];
}
