// Uploads that several messages may use: one at a time for the same content of the same account, and for a while none again.

import type { Clock } from "../../../contract/clock.ts";
import { orAborted } from "../../../outbound/or-aborted.ts";
import type { QwenFile } from "../../../wire/qwen-web.ts";

export interface SharedUpload {
  readonly file: QwenFile;
  /** It was there before: Qwen may know it no longer. */
  readonly isReused: boolean;
}

export interface SharedUploads {
  /**
   * @param key account and content
   * @param upload runs on as long as one of those who wait for it does
   */
  take(key: string, signal: AbortSignal, upload: (signal: AbortSignal) => Promise<QwenFile>): Promise<SharedUpload>;
  /** Uploaded anew the next time. */
  forget(key: string): void;
}

interface Entry {
  readonly uploading: Promise<QwenFile>;
  /** Ends it. Undefined once it is done: up to a thousand of them are kept. */
  leaving: AbortController | undefined;
  waiting: number;
  isDone: boolean;
  /** Epoch milliseconds. */
  usableUntilMs: number;
}

const maxEntries = 1000;
/** Where the address does not say how long it can be read. */
const defaultReadableMs = 300_000;
/** Qwen reads it a little after the message was sent. */
const marginMs = 60_000;

export function createSharedUploads(clock: Clock): SharedUploads {
  const entries = new Map<string, Entry>();

  function begin(key: string, upload: (signal: AbortSignal) => Promise<QwenFile>): Entry {
    const leaving = new AbortController();
    const entry: Entry = {
      uploading: upload(leaving.signal),
      leaving,
      waiting: 0,
      isDone: false,
      usableUntilMs: Number.POSITIVE_INFINITY,
    };
    entry.uploading.then(
      ({ url }) => {
        entry.isDone = true;
        entry.leaving = undefined;
        entry.usableUntilMs = clock() + readableMs(url) - marginMs;
      },
      () => drop(key, entry),
    );
    entries.set(key, entry);
    const [oldest] = entries.keys();
    if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
    return entry;
  }

  function drop(key: string, entry: Entry): void {
    if (entries.get(key) === entry) entries.delete(key);
  }

  return {
    async take(key, signal, upload) {
      signal.throwIfAborted();
      const known = entries.get(key);
      const entry = known !== undefined && known.usableUntilMs > clock() ? known : begin(key, upload);
      const isReused = entry.isDone;
      entry.waiting++;
      try {
        const file = await orAborted(entry.uploading, signal);
        // Two messages never name one item.
        return { file: isReused ? { ...file, itemId: crypto.randomUUID() } : file, isReused };
      } finally {
        entry.waiting--;
        if (entry.waiting === 0 && !entry.isDone) {
          drop(key, entry);
          entry.leaving?.abort(signal.reason);
        }
      }
    },
    forget: (key) => void entries.delete(key),
  };
}

/** How long the storage lets the address be read, as it says itself. */
function readableMs(url: string): number {
  const seconds = URL.canParse(url) ? Number(new URL(url).searchParams.get("x-oss-expires") ?? Number.NaN) : Number.NaN;
  return seconds > 0 ? seconds * 1000 : defaultReadableMs;
}
