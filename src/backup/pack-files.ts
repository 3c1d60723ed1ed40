// The files of a backup gathered in a folder, and packed as one archive: by whoever writes it to a file, or sends it.

import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { createTarPacker } from "modern-tar";
import { inspectDatabase } from "../store/inspect-database.ts";
import { NothingToBackUp } from "./backup-error.ts";
import {
  type BackedUpFile,
  databaseNames,
  format,
  knownSchemas,
  type Manifest,
  manifestName,
  secretNames,
} from "./contents.ts";
import { copyDatabase } from "./copy-database.ts";
import { isThere } from "./is-there.ts";

export interface GatherOptions {
  readonly dataDir: string;
  /** Copies of the databases are made here. */
  readonly folder: string;
  /** Whether the keys of the directory belong to it. */
  readonly secrets: "included" | "left-out";
  /** Of this program. */
  readonly version: string;
  readonly clock: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** A source that is copied in, and what stands in the manifest of it. */
interface Gathered extends BackedUpFile {
  readonly from: string;
}

export interface GatheredFiles {
  readonly manifest: Manifest;
  readonly files: readonly Gathered[];
}

/**
 * @throws {BackupError | GatewayError} `NothingToBackUp`, or a database is damaged; {CopyError} or a system
 * error when something cannot be read or written; the reason of the signal
 */
export async function gatherFiles(options: GatherOptions): Promise<GatheredFiles> {
  const { dataDir, secrets, signal } = options;
  // Each of them may be missing: what nobody used yet, and the turns where a shared store holds them.
  const present = databaseNames.filter((name) => isThere(join(dataDir, name)));
  if (present.length === 0) throw new NothingToBackUp(dataDir);
  const files = await copyDatabases(present, options);
  if (secrets === "included") files.push(...(await findSecrets(dataDir, signal)));
  const manifest: Manifest = {
    format,
    version: options.version,
    createdAt: new Date(options.clock()).toISOString(),
    ...(secrets === "left-out" ? { secrets } : {}),
    files: files.map(({ from: _, ...told }) => told),
  };
  return { manifest, files };
}

async function copyDatabases(
  names: readonly string[],
  { dataDir, folder, signal }: GatherOptions,
): Promise<Gathered[]> {
  const copied: Gathered[] = [];
  for (const name of names) {
    const source = join(dataDir, name);
    const schema = inspectDatabase(source, knownSchemas[name]!);
    const from = join(folder, name);
    await copyDatabase(source, from, signal);
    await chmod(from, 0o600);
    copied.push({ from, name, schema, size: (await stat(from)).size, sha256: await digestOf(from, signal) });
  }
  return copied;
}

async function findSecrets(dataDir: string, signal: AbortSignal | undefined): Promise<Gathered[]> {
  const found: Gathered[] = [];
  for (const name of secretNames) {
    const from = join(dataDir, name);
    if (!isThere(from)) continue;
    found.push({ from, name, size: (await stat(from)).size, sha256: await digestOf(from, signal) });
  }
  return found;
}

async function digestOf(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(path).stream()) {
    signal?.throwIfAborted();
    hasher.update(chunk);
  }
  return hasher.digest("hex");
}

/** The archive, read only as fast as somebody takes it. What fails on the way is told by the stream. */
export function packFiles({ manifest, files }: GatheredFiles): ReadableStream<Uint8Array> {
  const { readable, controller } = createTarPacker();
  const mtime = new Date(manifest.createdAt);

  async function add(name: string, bytes: Uint8Array): Promise<void> {
    const writer = controller.add({ name, size: bytes.length, mtime, mode: 0o600, type: "file" }).getWriter();
    await writer.write(bytes);
    await writer.close();
  }

  async function pack(): Promise<void> {
    await add(manifestName, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    for (const { name, size, from } of files) {
      const entry = controller.add({ name, size, mtime, mode: 0o600, type: "file" });
      await Bun.file(from).stream().pipeTo(entry);
    }
    controller.finalize();
  }

  pack().catch((error: unknown) => controller.error(error));
  return readable;
}
