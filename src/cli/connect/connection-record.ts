// What is remembered of a connected agent until it is disconnected: its file as it was, and what was written into it.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { defaultDataDir } from "../../config/default-data-dir.ts";
import type { Environment } from "../../config/load-config.ts";
import type { Change } from "./merge.ts";

export interface ConnectionRecord {
  readonly file: string;
  /** Name of the copy beside the record. Absent: there was no file. */
  readonly copy?: string;
  /** SHA-256 of what was written. */
  readonly writtenHash: string;
  readonly changes: readonly Change[];
  /** Made for the file, the innermost first. */
  readonly folders: readonly string[];
  readonly url: string;
  readonly model: string;
}

export interface RecordShelf {
  read(agent: string): ConnectionRecord | undefined;
  readCopy(record: ConnectionRecord): Uint8Array | undefined;
  /** @returns the path of the copy */
  write(agent: string, record: ConnectionRecord, original: Uint8Array | undefined): string | undefined;
  remove(agent: string): void;
}

/** In the data folder that the environment names; a setting for another one has no say, so that it is found again. */
export function openRecordShelf(environment: Environment): RecordShelf {
  const folder = join(defaultDataDir(environment), "connected-agents");
  const pathOf = (agent: string): string => join(folder, `${agent}.json`);
  const read = (agent: string): ConnectionRecord | undefined => {
    if (!existsSync(pathOf(agent))) return undefined;
    // Written by us alone, whole or not at all.
    return JSON.parse(readFileSync(pathOf(agent), "utf8")) as ConnectionRecord;
  };
  return {
    read,
    readCopy: ({ copy }) => (copy === undefined ? undefined : readFileSync(join(folder, copy))),
    write(agent, record, original) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const stale = read(agent)?.copy;
      const copy = original === undefined ? undefined : `${agent}.before.${basename(record.file)}`;
      if (copy !== undefined && original !== undefined) replaceFile(join(folder, copy), original);
      const { copy: _, ...rest } = record;
      replaceFile(pathOf(agent), JSON.stringify({ ...rest, ...(copy === undefined ? {} : { copy }) }, null, 2));
      if (stale !== undefined && stale !== copy) rmSync(join(folder, stale), { force: true });
      return copy === undefined ? undefined : join(folder, copy);
    },
    remove(agent) {
      const copy = read(agent)?.copy;
      rmSync(pathOf(agent), { force: true });
      if (copy !== undefined) rmSync(join(folder, copy), { force: true });
    },
  };
}

export function hashOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

function replaceFile(path: string, content: string | Uint8Array): void {
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, content, { mode: 0o600, flush: true });
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}
