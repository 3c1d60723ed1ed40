// Bytes to be sent, gathered between two flushes in one stage that all writers share. A writer with nothing to send holds none.

import { copyBytes } from "./copy-bytes.ts";

const stageBytes = 64 * 1024;
const encoder = new TextEncoder();
const nothing = new Uint8Array(0);

/**
 * Where the writer that gathers now puts its bytes: memory, not state. What is taken is an array of its own size, since a
 * view would pin the stage for as long as its reader is slow, and costs as much as the copy of an event.
 */
const stage = new Uint8Array(stageBytes);
let holder: ByteWriter | undefined;

export class ByteWriter {
  /** What was gathered when another writer needed the stage, or is too long for it. */
  #own: Uint8Array = nothing;
  #length = 0;

  /** Gathered since the last `take`. */
  get length(): number {
    return this.#length;
  }

  bytes(bytes: Uint8Array): void {
    this.range(bytes, 0, bytes.length);
  }

  /** Copies `bytes` from `start` to before `end`: they may be overwritten soon. */
  range(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    copyBytes(bytes, start, end, this.#reserve(count), this.#length);
    this.#length += count;
  }

  text(text: string): void {
    // A UTF-16 unit takes three bytes of UTF-8 at most.
    const buffer = this.#reserve(text.length * 3);
    this.#length += encoder.encodeInto(text, buffer.subarray(this.#length)).written;
  }

  /** Empties: what was gathered belongs to the caller. */
  take(): Uint8Array {
    if (this.#length === 0) return nothing;
    const taken = holder === this ? stage.slice(0, this.#length) : this.#own.subarray(0, this.#length);
    if (holder === this) holder = undefined;
    this.#own = nothing;
    this.#length = 0;
    return taken;
  }

  /** @returns where the next `count` bytes go, behind what was gathered */
  #reserve(count: number): Uint8Array {
    const needed = this.#length + count;
    if (holder !== this && this.#length === 0 && needed <= stageBytes) {
      if (holder !== undefined) holder.#leaveStage(0);
      holder = this;
    }
    if (holder !== this) return this.#grow(needed);
    if (needed <= stageBytes) return stage;
    this.#leaveStage(needed * 2);
    holder = undefined;
    return this.#own;
  }

  #leaveStage(leastBytes: number): void {
    this.#own = new Uint8Array(Math.max(leastBytes, this.#length));
    copyBytes(stage, 0, this.#length, this.#own, 0);
  }

  #grow(needed: number): Uint8Array {
    if (needed <= this.#own.length) return this.#own;
    const grown = new Uint8Array(needed * 2);
    copyBytes(this.#own, 0, this.#length, grown, 0);
    this.#own = grown;
    return grown;
  }
}
