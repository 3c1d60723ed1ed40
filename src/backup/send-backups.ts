// Backups that a running gateway hands out as streams, one at a time: nothing of one is left on the disk when its reader has it,
// goes away, or stands still. Without the keys of the directory, which leave this machine by no route.

import { statSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { GatewayError } from "../contract/gateway-error.ts";
import type { Log } from "../telemetry/log.ts";
import type { Manifest } from "./contents.ts";
import { gatherFiles, packFiles } from "./pack-files.ts";

export interface SentBackup {
  readonly manifest: Manifest;
  readonly bytes: ReadableStream<Uint8Array>;
}

export interface SentBackups {
  /**
   * @param signal when its reader is gone
   * @throws {GatewayError} `overloaded` while another one is made or read, `invalid-request` where nothing is kept in a
   * directory; {BackupError | CopyError | Error} when something cannot be read or written. Nothing is left of it then.
   */
  open(signal: AbortSignal): Promise<SentBackup>;
  /** Ends the one that is under way. */
  close(): Promise<void>;
}

export interface SentBackupsOptions {
  /** Undefined: this gateway keeps nothing on the disk. */
  readonly dataDir: string | undefined;
  readonly version: string;
  readonly clock: () => number;
  readonly log: Log;
  /** A reader that takes nothing for so long is gone. @defaultValue 60_000 */
  readonly stallMs?: number;
}

const folderStart = ".sent-backup-";
/** All of it, its reading included. */
const longestMs = 60 * 60_000;
/** What a killed process has left, beyond all doubt. */
const leftoverMs = 2 * longestMs;
const retryMs = 5000;

export function createSentBackups({ dataDir, version, clock, log, stallMs = 60_000 }: SentBackupsOptions): SentBackups {
  let current: Sending | undefined;

  async function open(from: string, sending: Sending): Promise<SentBackup> {
    try {
      await removeLeftovers(from);
      const folder = await sending.makeFolder(from);
      const signal = sending.signal;
      const gathered = await gatherFiles({ dataDir: from, folder, secrets: "left-out", version, clock, signal });
      return { manifest: gathered.manifest, bytes: streamOf(packFiles(gathered), sending, stallMs) };
    } catch (error) {
      await sending.end();
      throw error;
    }
  }

  return {
    open(signal) {
      if (dataDir === undefined) {
        const reason = "Cannot back up: this gateway keeps nothing in a directory of its own";
        return Promise.reject(new GatewayError("invalid-request", reason));
      }
      if (current !== undefined) {
        const reason = "Cannot back up: another backup is being made or read, and there is one at a time";
        return Promise.reject(new GatewayError("overloaded", reason, { retryAfterMs: retryMs }));
      }
      const sending = new Sending(signal, log, () => (current = undefined));
      current = sending;
      return open(dataDir, sending);
    },
    async close() {
      await current?.stop();
    },
  };
}

/** One backup from its folder to its end, which comes once. */
class Sending {
  readonly signal: AbortSignal;
  readonly #stopping = new AbortController();
  readonly #log: Log;
  readonly #onEnd: () => void;
  #folder: string | undefined;
  #ended: Promise<void> | undefined;

  constructor(reader: AbortSignal, log: Log, onEnd: () => void) {
    this.signal = AbortSignal.any([reader, this.#stopping.signal, AbortSignal.timeout(longestMs)]);
    this.#log = log;
    this.#onEnd = onEnd;
    this.signal.addEventListener("abort", () => void this.end(), { once: true });
  }

  /** In the directory itself: there is room where there was room for the databases, and nobody else may look in. */
  async makeFolder(dataDir: string): Promise<string> {
    this.signal.throwIfAborted();
    const folder = await mkdtemp(join(dataDir, folderStart));
    this.#folder = folder;
    // It went away meanwhile, when there was nothing to remove yet.
    if (this.#ended !== undefined) await this.#remove();
    this.signal.throwIfAborted();
    return folder;
  }

  stop(): Promise<void> {
    this.#stopping.abort(new GatewayError("overloaded", "Cannot back up: the gateway is stopping"));
    return this.end();
  }

  /** Never rejects. */
  end(): Promise<void> {
    this.#ended ??= this.#remove().finally(this.#onEnd);
    return this.#ended;
  }

  async #remove(): Promise<void> {
    if (this.#folder === undefined) return;
    try {
      // The thread that copies may put one more file there.
      await rm(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    } catch (error) {
      this.#log.warn("Cannot remove the copies of a backup: delete them", {
        path: this.#folder,
        reason: String(error),
      });
    }
  }
}

/** Ends with an error, never as if it were whole. */
function streamOf(source: ReadableStream<Uint8Array>, sending: Sending, stallMs: number): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function finish(): Promise<void> {
    clearTimeout(timer);
    sending.signal.removeEventListener("abort", abort);
    return sending.end();
  }

  function fail(reason: unknown): void {
    void finish();
    reader.cancel(reason).catch(() => {});
    controller.error(reason);
  }

  function abort(): void {
    fail(sending.signal.reason);
  }

  async function giveUp(error: unknown): Promise<never> {
    await finish();
    throw error;
  }

  /** Until the next piece is asked for. */
  function watch(): void {
    clearTimeout(timer);
    timer = setTimeout(() => fail(new Error("Cannot go on with this backup: nobody reads it")), stallMs);
  }

  return new ReadableStream<Uint8Array>(
    {
      start(created) {
        controller = created;
        sending.signal.addEventListener("abort", abort, { once: true });
        watch();
      },
      async pull() {
        clearTimeout(timer);
        const { done, value } = await reader.read().catch(giveUp);
        if (sending.signal.aborted) return;
        if (!done) {
          controller.enqueue(value);
          return watch();
        }
        await finish();
        controller.close();
      },
      async cancel(reason) {
        await Promise.all([finish(), reader.cancel(reason).catch(() => {})]);
      },
    },
    { highWaterMark: 1 },
  );
}

async function removeLeftovers(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (!name.startsWith(folderStart)) continue;
    const path = join(dataDir, name);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined && Date.now() - found.mtimeMs > leftoverMs)
      await rm(path, { recursive: true, force: true });
  }
}
