// A backup of a data directory, written while a gateway runs on it: each database as of one moment, the file whole or not at all.

import { existsSync } from "node:fs";
import { link, mkdtemp, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { codeOf } from "../contract/thrown.ts";
import { storageTrouble } from "../store/storage-trouble.ts";
import { BackupError } from "./backup-error.ts";
import type { Manifest } from "./contents.ts";
import { gatherFiles, packFiles } from "./pack-files.ts";
import { writeChunk } from "./write-chunk.ts";

export interface BackupOptions {
  readonly dataDir: string;
  /** Of the file to be written. */
  readonly path: string;
  /** Of this program. */
  readonly version: string;
  readonly clock: () => number;
  /** Aborted: it is given up with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Readable and writable by this user alone: it holds the keys of what is sealed in it.
 * @throws {BackupError | GatewayError} when there is nothing to back up, the file is there already or cannot be written, or a
 * database is damaged; a system error when something cannot be read; the reason of the signal. Nothing is left of it then.
 */
export async function writeBackup(options: BackupOptions): Promise<Manifest> {
  const path = resolve(options.path);
  if (existsSync(path)) throw taken(path);
  const parent = dirname(path);
  if (!existsSync(parent)) throw new BackupError(`Cannot write "${path}": there is no folder "${parent}"`);
  const folder = await makeFolderBeside(path);
  try {
    const gathered = await gatherFiles({ ...options, folder, secrets: "included" });
    const draft = join(folder, "draft");
    await writeAll(packFiles(gathered), draft, options.signal);
    await putInPlace(draft, path);
    return gathered.manifest;
  } catch (error) {
    // The data directory is only read: no room there is no matter.
    if (storageTrouble(error) !== "full") throw error;
    throw new BackupError(`Cannot write "${path}": the disk is full; free some space`, { cause: error });
  } finally {
    // The thread that copies may put one more file there.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }
}

async function makeFolderBeside(path: string): Promise<string> {
  const parent = dirname(path);
  try {
    return await mkdtemp(join(parent, `.${basename(path)}.`));
  } catch (cause) {
    const state = `nothing can be made in "${parent}" (${codeOf(cause)})`;
    throw new BackupError(`Cannot write "${path}": ${state}`, { cause });
  }
}

async function writeAll(source: ReadableStream<Uint8Array>, path: string, signal?: AbortSignal): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      await writeChunk(file, chunk);
    }
    await file.sync();
    signal?.throwIfAborted();
  } finally {
    await file.close();
  }
}

/** A link never takes the place of a file that somebody else made meanwhile. */
async function putInPlace(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") throw taken(path);
    // Some file systems know no links.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "ENOSYS") throw error;
    if (existsSync(path)) throw taken(path);
    await rename(draft, path);
  }
}

/** The size of a manifest's whole, for whoever is told. */
export function totalBytes({ files }: Manifest): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function taken(path: string): BackupError {
  return new BackupError(`Cannot write "${path}": it is there already, and a backup never takes another one's place`);
}
