// Finished captures on their way to the disk, one after the other and never in anybody's way. The folder keeps a budget: the
// oldest files go first.

import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { othersFirst } from "../contract/others-first.ts";
import type { Log } from "../telemetry/log.ts";
import type { Cover } from "./cover-secrets.ts";
import type { ExchangeCapture } from "./exchange-capture.ts";
import { encodeCapture } from "./write-capture.ts";

/** One of several processes that write to one folder. */
export interface Writer {
  /** From 1. */
  readonly number: number;
  readonly count: number;
}

/** Asked for anew with each capture: settings may change. */
export interface SpoolOptions {
  readonly directory: string;
  /** Of all files in the folder that are this writer's. */
  readonly maxBytes: number;
  /** Undefined: the only one. Each of several counts and deletes its own files, or it would delete for those of the others. */
  readonly writer: Writer | undefined;
  readonly cover: Cover;
  /** Version of this program. */
  readonly gateway: string;
  readonly log: Log;
}

export interface SpoolFigures {
  written: number;
  /** Captures that found the queue full. */
  dropped: number;
  failed: number;
  /** Of the files that count. */
  bytes: number;
}

export interface Spool {
  /** Makes the folder, so that one that cannot be is told of at once. Never rejects. */
  prepare(): Promise<void>;
  /** Takes it at once; what finds no room is dropped. */
  put(capture: ExchangeCapture): void;
  readonly figures: Readonly<SpoolFigures>;
  /** Resolves when everything that was put is written, or could not be. */
  settled(): Promise<void>;
}

/** Memory bounds them too: these may be empty. */
const maxWaiting = 1000;
const unfinishedEnding = ".part";
/** A file that is not finished by then never will be: its process was killed. */
const longestWriteMs = 10 * 60_000;
const fileName = /^\d{8}T\d{9}Z-[\w-]{1,100}?(?:-w(\d{1,4}))?\.jsonl$/;

export function createSpool(options: SpoolOptions): Spool {
  const { log } = options;
  const waiting: ExchangeCapture[] = [];
  const figures: SpoolFigures = { written: 0, dropped: 0, failed: 0, bytes: 0 };
  /** Name and size of what counts in a folder, the oldest first. Read with the first capture that goes there. */
  let known: { readonly directory: string; readonly files: Map<string, number> } | undefined;
  let work: Promise<void> | undefined;
  /** Of which folder. */
  let warned: string | undefined;

  /** A full disk would otherwise say it for each exchange. */
  function warnOnce(error: unknown): void {
    const { directory } = options;
    if (warned !== directory) log.warn("Cannot write captures", { directory, reason: String(error) });
    warned = directory;
  }

  async function filesIn(directory: string): Promise<Map<string, number>> {
    if (known?.directory !== directory) known = { directory, files: await listFiles(directory, options.writer) };
    return known.files;
  }

  async function run(): Promise<void> {
    // Not within the call that ended an exchange.
    await othersFirst();
    for (let capture = waiting.shift(); capture !== undefined; capture = waiting.shift()) {
      try {
        await write(capture);
        figures.written++;
      } catch (error) {
        figures.failed++;
        warnOnce(error);
      } finally {
        capture.forget();
      }
    }
    work = undefined;
  }

  async function write(capture: ExchangeCapture): Promise<void> {
    // One for the whole file: settings may change meanwhile.
    const { directory } = options;
    const files = await filesIn(directory);
    const { cover, gateway } = options;
    const pieces = await encodeCapture(capture, { cover, gateway });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const name = nameOf(capture, options.writer);
    const path = join(directory, name);
    const unfinished = path + unfinishedEnding;
    const file = await open(unfinished, "w", 0o600);
    try {
      for (const piece of pieces) await file.write(piece);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    // Nobody finds half a file.
    await rename(unfinished, path);
    files.set(name, (await stat(path)).size);
    await makeRoom(directory, files);
  }

  async function makeRoom(directory: string, all: Map<string, number>): Promise<void> {
    let bytes = 0;
    for (const size of all.values()) bytes += size;
    for (const [name, size] of all) {
      if (bytes <= options.maxBytes) break;
      await rm(join(directory, name), { force: true });
      all.delete(name);
      bytes -= size;
    }
    figures.bytes = bytes;
  }

  return {
    async prepare() {
      try {
        await filesIn(options.directory);
      } catch (error) {
        warnOnce(error);
      }
    },
    put(capture) {
      if (waiting.length >= maxWaiting) {
        figures.dropped++;
        return capture.forget();
      }
      waiting.push(capture);
      work ??= run();
    },
    figures,
    settled: () => work ?? Promise.resolve(),
  };
}

/** Names sort by time, and tell which of several has written. */
function nameOf({ startedAtMs, requestId }: ExchangeCapture, writer: Writer | undefined): string {
  const time = new Date(startedAtMs).toISOString().replaceAll(/[-:.]/g, "");
  const suffix = writer === undefined ? "" : `-w${writer.number}`;
  return `${time}-${requestId.replaceAll(/[^\w-]/g, "_").slice(0, 100)}${suffix}.jsonl`;
}

async function listFiles(directory: string, writer: Writer | undefined): Promise<Map<string, number>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = new Map<string, number>();
  for (const name of (await readdir(directory)).sort()) {
    if (name.endsWith(unfinishedEnding) && fileName.test(name.slice(0, -unfinishedEnding.length))) {
      await removeIfOld(join(directory, name));
    }
    // Whatever else lies there is not ours to count, nor to delete.
    if (isOf(writer, name)) files.set(name, (await stat(join(directory, name))).size);
  }
  return files;
}

/** Each file is of one writer, also where there were more of them before, or one alone. */
function isOf(writer: Writer | undefined, name: string): boolean {
  const found = fileName.exec(name);
  if (found === null || writer === undefined) return found !== null;
  const number = Math.max(1, Number(found[1] ?? 1));
  return (number - 1) % writer.count === writer.number - 1;
}

/** Another gateway may write there now. */
async function removeIfOld(path: string): Promise<void> {
  const { mtimeMs } = await stat(path);
  if (Date.now() - mtimeMs > longestWriteMs) await rm(path, { force: true });
}
