// Spools that end with the process, where there is no directory.

import { copyBytes } from "../sse/copy-bytes.ts";
import type { Spool, Spools } from "./spool.ts";

/** Of the first frames; doubled as they grow. */
const firstBytes = 1024;
const nothing = new Uint8Array(0);

export function createMemorySpools(): Spools {
  const kept = new Map<string, MemorySpool>();
  return {
    create(streamId) {
      const spool = new MemorySpool(() => kept.delete(streamId));
      kept.set(streamId, spool);
      return spool;
    },
    open: (streamId) => kept.get(streamId),
    async remove(streamId) {
      kept.delete(streamId);
    },
    async list() {
      // Never old: files are removed that an earlier process forgot, and there was none.
      const modifiedAtMs = Number.POSITIVE_INFINITY;
      return [...kept].map(([streamId, { length }]) => ({ streamId, bytes: length, modifiedAtMs }));
    },
  };
}

/** @param forget called when it is discarded */
export class MemorySpool implements Spool {
  readonly opened = Promise.resolve(undefined);
  readonly #forget: () => void;
  #buffer: Uint8Array = nothing;
  length = 0;

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  append(bytes: Uint8Array): void {
    const needed = this.length + bytes.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(firstBytes, needed, this.#buffer.length * 2));
      copyBytes(this.#buffer, 0, this.length, grown, 0);
      this.#buffer = grown;
    }
    copyBytes(bytes, 0, bytes.length, this.#buffer, this.length);
    this.length = needed;
  }

  /** A view: what was written is never written over. */
  read(offset: number, maxBytes: number): Uint8Array {
    return this.#buffer.subarray(offset, Math.min(offset + maxBytes, this.length));
  }

  retain(): void {}

  release(): void {}

  async discard(): Promise<void> {
    this.#forget();
  }
}
