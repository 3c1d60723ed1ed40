// A backup put in the place of what a data directory holds: all of it or nothing, and not under a gateway that runs.

import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { codeOf } from "../contract/thrown.ts";
import { inspectDatabase } from "../store/inspect-database.ts";
import { DatabaseInUse, lockDatabase } from "../store/lock-database.ts";
import { exchangeFiles, finishRestore } from "../store/pending-restore.ts";
import { BackupError } from "./backup-error.ts";
import { databaseNames, knownSchemas, type Manifest, secretNames } from "./contents.ts";
import { isThere } from "./is-there.ts";
import { unpackBackup } from "./read-backup.ts";

export interface RestoreOptions {
  readonly dataDir: string;
  /** Of the backup. */
  readonly path: string;
  readonly clock: () => number;
  /** Aborted: it is given up with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface Restored {
  readonly manifest: Manifest;
  /** The folder that holds what was there before; undefined when nothing was. */
  readonly kept: string | undefined;
}

/**
 * @throws {BackupError | GatewayError} when a gateway runs on the directory, or the backup is damaged or of a newer version; a
 * system error when something cannot be read or written; the reason of the signal. Everything is as it was then.
 */
export async function restoreBackup({ dataDir, path, clock, signal }: RestoreOptions): Promise<Restored> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  finishRestore(dataDir);
  // Before the work of unpacking, and for as long as it takes.
  using _locks = lockAll(dataDir);
  const staged = makeFolderIn(dataDir);
  try {
    requireOwner(dataDir, staged);
    const manifest = await unpackBackup(path, staged, signal);
    const arriving = manifest.files.map(({ name }) => name);
    for (const name of arriving) {
      if (knownSchemas[name] !== undefined) inspectDatabase(join(staged, name), knownSchemas[name]);
    }
    const kept = `before-restore-${new Date(clock()).toISOString().replace(/[:.]/g, "-")}`;
    exchangeFiles(dataDir, { staged: basename(staged), kept, leaving: othersThan(manifest), arriving });
    return { manifest, kept: isThere(join(dataDir, kept)) ? join(dataDir, kept) : undefined };
  } catch (error) {
    rmSync(staged, { recursive: true, force: true });
    throw error;
  }
}

/** @throws {BackupError} to whoever may not write there: he has named no file in it, and another folder is none of the gateway's */
function makeFolderIn(dataDir: string): string {
  try {
    return mkdtempSync(join(dataDir, ".restore-"));
  } catch (cause) {
    if (codeOf(cause) !== "EACCES") throw cause;
    const reason = "permission denied; run this as the user that the gateway runs as";
    throw new BackupError(`Cannot restore into "${dataDir}": ${reason}`, { cause });
  }
}

/** Root may write anywhere, and makes files that the gateway's own user could not open. @throws {BackupError} */
function requireOwner(dataDir: string, staged: string): void {
  if (process.geteuid?.() !== 0) return;
  const database = databaseNames.map((name) => join(dataDir, name)).find(isThere);
  const { uid } = statSync(database ?? dataDir);
  if (uid === statSync(staged).uid) return;
  const what = database === undefined ? "the folder" : "the gateway there";
  throw new BackupError(
    `Cannot restore into "${dataDir}" as root: ${what} is another user's (uid ${uid}), who could not open the files; run this as that user, such as by sudo -u`,
  );
}

/** What belongs to the old state and is not in the backup: the logs of databases, the streams that could be read on. */
function othersThan({ files, secrets }: Manifest): string[] {
  const arriving = files.map(({ name }) => name);
  const all = databaseNames.flatMap((name) => [`${name}-wal`, `${name}-shm`, `${name}-journal`, name]);
  const keys = secrets === "left-out" ? [] : secretNames;
  return [...all, ...keys, "replay"].filter((name) => !arriving.includes(name));
}

function lockAll(dataDir: string): Disposable {
  const locks: Disposable[] = [];
  const release = (): void => {
    for (const lock of locks.splice(0)) lock[Symbol.dispose]();
  };
  try {
    for (const name of databaseNames) {
      const lock = lockDatabase(join(dataDir, name));
      if (lock !== undefined) locks.push(lock);
    }
    return { [Symbol.dispose]: release };
  } catch (error) {
    release();
    if (error instanceof DatabaseInUse) throw new BackupError(`Cannot restore into "${dataDir}": ${error.message}`);
    throw error;
  }
}
