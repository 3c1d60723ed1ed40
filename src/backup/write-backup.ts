// A backup of a data directory, written while a gateway runs on it: each database as of one moment, the file whole or not at all.

import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { chmod, link, mkdtemp, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { createTarPacker } from "modern-tar";
import { inspectDatabase } from "../store/inspect-database.ts";
import {
  type BackedUpFile,
  BackupError,
  databaseNames,
  format,
  knownSchemas,
  type Manifest,
  manifestName,
  secretNames,
} from "./contents.ts";

export interface BackupOptions {
  readonly dataDir: string;
  /** Of the file to be written. */
  readonly path: string;
  /** Of this program. */
  readonly version: string;
  readonly clock: () => number;
}

/** A source that is copied in, and what stands in the manifest of it. */
interface Copied extends BackedUpFile {
  readonly from: string;
}

/**
 * Readable and writable by this user alone: it holds the keys of what is sealed in it.
 * @throws {BackupError | GatewayError} when there is nothing to back up, the file is there already, or a database is damaged;
 * a system error when it cannot be written. Nothing is left of it then.
 */
export async function writeBackup(options: BackupOptions): Promise<Manifest> {
  const path = resolve(options.path);
  if (existsSync(path)) throw taken(path);
  if (!existsSync(join(options.dataDir, databaseNames[0]!))) {
    throw new BackupError(`Cannot back up "${options.dataDir}": there is no database of a gateway in it`);
  }
  const folder = await mkdtemp(join(dirname(path), `.${basename(path)}.`));
  try {
    const files = [...(await copyDatabases(options.dataDir, folder)), ...(await copySecrets(options.dataDir))];
    const manifest: Manifest = {
      format,
      version: options.version,
      createdAt: new Date(options.clock()).toISOString(),
      files: files.map(({ from: _, ...told }) => told),
    };
    const draft = join(folder, "draft");
    await writeArchive(draft, manifest, files);
    await putInPlace(draft, path);
    return manifest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copyDatabases(dataDir: string, folder: string): Promise<Copied[]> {
  const copied: Copied[] = [];
  for (const name of databaseNames) {
    const source = join(dataDir, name);
    if (!existsSync(source)) continue;
    const schema = inspectDatabase(source, knownSchemas[name]!);
    const from = join(folder, name);
    // A reader like any other: whoever writes goes on meanwhile, and what is written then is not in it.
    using database = new Database(source, { readwrite: true, create: false });
    database.run("VACUUM INTO ?", [from]);
    await chmod(from, 0o600);
    copied.push({ from, name, schema, size: (await stat(from)).size, sha256: await digestOf(from) });
  }
  return copied;
}

async function copySecrets(dataDir: string): Promise<Copied[]> {
  const copied: Copied[] = [];
  for (const name of secretNames) {
    const from = join(dataDir, name);
    if (!existsSync(from)) continue;
    copied.push({ from, name, size: (await stat(from)).size, sha256: await digestOf(from) });
  }
  return copied;
}

async function digestOf(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(path).stream()) hasher.update(chunk);
  return hasher.digest("hex");
}

async function writeArchive(draft: string, manifest: Manifest, files: readonly Copied[]): Promise<void> {
  const { readable, controller } = createTarPacker();
  const mtime = new Date(manifest.createdAt);
  const file = await open(draft, "wx", 0o600);
  try {
    const written = writeAll(readable, file);
    // Told by `written`, which fails with it.
    const packed = pack().catch((error: unknown) => controller.error(error));
    await Promise.all([written, packed]);
    await file.sync();
  } finally {
    await file.close();
  }

  async function pack(): Promise<void> {
    await add(manifestName, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    for (const { name, size, from } of files) {
      const entry = controller.add({ name, size, mtime, mode: 0o600, type: "file" });
      await Bun.file(from).stream().pipeTo(entry);
    }
    controller.finalize();
  }

  async function add(name: string, bytes: Uint8Array): Promise<void> {
    const writer = controller.add({ name, size: bytes.length, mtime, mode: 0o600, type: "file" }).getWriter();
    await writer.write(bytes);
    await writer.close();
  }
}

async function writeAll(source: ReadableStream<Uint8Array>, file: Awaited<ReturnType<typeof open>>): Promise<void> {
  for await (const chunk of source) {
    for (let written = 0; written < chunk.length;) {
      written += (await file.write(chunk, written, chunk.length - written)).bytesWritten;
    }
  }
}

/** A link never takes the place of a file that somebody else made meanwhile. */
async function putInPlace(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
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
