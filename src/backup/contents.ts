// What a backup holds: the two databases and the secrets of a data directory, and what it says of them. A tar archive, so that
// it can be looked into without this program.

import { chatDatabaseName, chatMigrations } from "../store/chat-database.ts";
import { migrations } from "../store/migrate.ts";
import { databaseName } from "../store/sqlite-store.ts";

/** By file: the newest schema that this binary knows. */
export const knownSchemas: Readonly<Record<string, number>> = {
  [databaseName]: migrations.length,
  [chatDatabaseName]: chatMigrations.length,
};

/** In the order in which they are copied: what was said may be newer than the turns, which then begin anew. */
export const databaseNames: readonly string[] = [databaseName, chatDatabaseName];
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
  readonly files: readonly BackedUpFile[];
}

/** Something is wrong with a backup, or in its way. The message is a sentence for whoever asked for it. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}
