// The databases of a data directory brought to the schema of this binary, or only looked at.

import { join } from "node:path";
import { inspectDatabase } from "../store/inspect-database.ts";
import { DatabaseInUse, lockDatabase } from "../store/lock-database.ts";
import { openDatabase } from "../store/open-database.ts";
import { finishRestore } from "../store/pending-restore.ts";
import type { Log } from "../telemetry/log.ts";
import { BackupError } from "./backup-error.ts";
import { databaseNames, knownMigrations, knownSchemas } from "./contents.ts";
import { isThere } from "./is-there.ts";

export interface SchemaState {
  readonly name: string;
  readonly found: number;
  readonly known: number;
}

/** Those that are there. @throws {BackupError | GatewayError} where that cannot be told; one is damaged or of a newer version */
export function readSchemas(dataDir: string): readonly SchemaState[] {
  return databaseNames
    .filter((name) => isThere(join(dataDir, name)))
    .map((name) => {
      const known = knownSchemas[name] ?? 0;
      return { name, found: inspectDatabase(join(dataDir, name), known), known };
    });
}

/**
 * All of them or, where one cannot be read, none; each in transactions of its own.
 * @throws {BackupError} while a process has one open that is to be changed; {GatewayError} as `readSchemas`
 */
export function migrateDirectory(dataDir: string, log: Log): readonly SchemaState[] {
  finishRestore(dataDir);
  const states = readSchemas(dataDir);
  for (const { name, found, known } of states) {
    if (found === known) continue;
    const path = join(dataDir, name);
    try {
      lockDatabase(path)?.[Symbol.dispose]();
    } catch (error) {
      if (error instanceof DatabaseInUse) throw new BackupError(`Cannot migrate: ${error.message}`);
      throw error;
    }
    openDatabase(path, log, knownMigrations[name]).close();
  }
  return states;
}
