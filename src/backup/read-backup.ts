// A backup unpacked into an empty folder, and held against what it says of itself. What else may stand in such a file is refused.

import { constants } from "node:fs";
import { access, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { type Static, Type } from "typebox";
import { Check } from "typebox/schema";
import { fileReasonOf } from "../contract/thrown.ts";
import { BackupError } from "./backup-error.ts";
import {
  databaseNames,
  format,
  knownSchemas,
  type Manifest,
  manifestName,
  mostManifestBytes,
  mostSecretBytes,
  secretNames,
} from "./contents.ts";
import { writeChunk } from "./write-chunk.ts";

const fileSchema = Type.Object({
  name: Type.Enum([...databaseNames, ...secretNames]),
  size: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
  schema: Type.Optional(Type.Integer({ minimum: 0 })),
});
const manifestSchema = Type.Object({
  format: Type.Integer({ minimum: 1 }),
  version: Type.String(),
  createdAt: Type.String(),
  secrets: Type.Optional(Type.Literal("left-out")),
  files: Type.Array(fileSchema, { maxItems: databaseNames.length + secretNames.length }),
});

/**
 * @param folder its files are written here, readable by this user alone
 * @throws {BackupError} when it is no backup, is damaged or cut short, or is of a newer version; a system error when it cannot
 * be read or written; the reason of the signal.
 */
export async function unpackBackup(path: string, folder: string, signal?: AbortSignal): Promise<Manifest> {
  await refuseOthers(path);
  let manifest: Manifest | undefined;
  const missing = new Map<string, Manifest["files"][number]>();
  try {
    for await (const entry of Bun.file(path)
      .stream()
      .pipeThrough(createTarDecoder({ strict: true }))) {
      if (manifest === undefined) {
        manifest = checkManifest(path, await readManifest(path, entry));
        for (const file of manifest.files) missing.set(file.name, file);
        continue;
      }
      const told = missing.get(entry.header.name);
      if (told === undefined || entry.header.size !== told.size || entry.header.type !== "file") {
        throw damaged(path, "it holds something other than it says");
      }
      if ((await writeEntry(entry, join(folder, told.name), signal)) !== told.sha256) {
        throw damaged(path, `"${told.name}" is not what was written`);
      }
      missing.delete(told.name);
    }
  } catch (error) {
    if (error instanceof BackupError || isSystemError(error) || signal?.aborted === true) throw error;
    throw damaged(path, "it is not an archive, or was cut short");
  }
  if (manifest === undefined) throw damaged(path, "it is empty");
  const [absent] = missing.keys();
  if (absent !== undefined) throw damaged(path, `"${absent}" is missing: it was cut short`);
  return manifest;
}

/** What cannot be read, before a failure of it looks like one of what is written. Pipes are read as files are. */
async function refuseOthers(path: string): Promise<void> {
  let reason: string | undefined;
  try {
    const kind = await stat(path);
    if (!kind.isFile() && !kind.isFIFO()) reason = "it is no file";
    else await access(path, constants.R_OK);
  } catch (error) {
    reason = fileReasonOf(error) ?? String(error);
  }
  if (reason !== undefined) throw new BackupError(`Cannot read "${path}": ${reason}`);
}

async function readManifest(path: string, { header, body }: ParsedTarEntry): Promise<unknown> {
  if (header.name !== manifestName || header.size > mostManifestBytes)
    throw damaged(path, "it is not a backup of a gateway");
  try {
    return await new Response(body).json();
  } catch {
    throw damaged(path, "what it says of itself cannot be read");
  }
}

function checkManifest(path: string, value: unknown): Manifest {
  const written = isNumbered(value) ? value.format : undefined;
  if (written !== undefined && written > format) {
    throw new BackupError(
      `Cannot restore "${path}": it was written by a newer version of this program (format ${written}, known here is ${format}); restore it with that version`,
    );
  }
  if (!Check(manifestSchema, value)) throw damaged(path, "what it says of itself makes no sense");
  const manifest: Static<typeof manifestSchema> = value;
  const names = manifest.files.map(({ name }) => name);
  if (new Set(names).size !== names.length || !names.some((name) => databaseNames.includes(name))) {
    throw damaged(path, "what it says of itself makes no sense");
  }
  for (const { name, size, schema = 0 } of manifest.files) {
    if (secretNames.includes(name) && size > mostSecretBytes) throw damaged(path, `"${name}" is too long for a key`);
    const known = knownSchemas[name] ?? 0;
    if (schema <= known) continue;
    throw new BackupError(
      `Cannot restore "${path}": "${name}" was written by a newer version of this program (schema ${schema}, known here is ${known}); ` +
        `restore it with version ${manifest.version} or later`,
    );
  }
  return manifest as Manifest;
}

function isNumbered(value: unknown): value is { readonly format: number } {
  return typeof value === "object" && value !== null && "format" in value && Number.isInteger(value.format);
}

/** @returns the digest of what was written */
async function writeEntry({ body }: ParsedTarEntry, path: string, signal?: AbortSignal): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of body) {
      signal?.throwIfAborted();
      hasher.update(chunk);
      await writeChunk(file, chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hasher.digest("hex");
}

function damaged(path: string, what: string): BackupError {
  return new BackupError(`Cannot restore "${path}": ${what}`);
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
