// Bytes to be sent, gathered between two flushes in slabs that all writers share. A writer with nothing to send holds none.

import { copyBytes } from "./copy-bytes.ts";

const slabBytes = 16 * 1024;
const encoder = new TextEncoder();
const nothing = new Uint8Array(0);

/**
 * The slab that is being filled: memory, not state. What was taken from it is never written again, so a slow reader pins
 * at most the slabs of what it has not read. Small, because one unread frame holds a whole slab.
 */
let slab = new Uint8Array(slabBytes);
let slabUsed = 0;

export class ByteWriter {
  #buffer: Uint8Array = nothing;
  /** The buffer is this writer's alone: what it gathers is too long for a slab. */
  #isOwn = false;
  /** Where this writer's bytes lie in its buffer. */
  #start = 0;
  #end = 0;

  bytes(bytes: Uint8Array): void {
    this.range(bytes, 0, bytes.length);
  }

  /** Copies `bytes` from `start` to before `end`: they may be overwritten soon. */
  range(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.#reserve(count);
    copyBytes(bytes, start, end, this.#buffer, this.#end);
    this.#advance(count);
  }

  text(text: string): void {
    // A UTF-16 unit takes three bytes of UTF-8 at most.
    this.#reserve(text.length * 3);
    this.#advance(encoder.encodeInto(text, this.#buffer.subarray(this.#end)).written);
  }

  /** Empties: what was gathered belongs to the caller. */
  take(): Uint8Array {
    if (this.#start === this.#end) return nothing;
    const taken = this.#buffer.subarray(this.#start, this.#end);
    this.#buffer = nothing;
    this.#isOwn = false;
    this.#start = 0;
    this.#end = 0;
    return taken;
  }

  #advance(count: number): void {
    this.#end += count;
    if (this.#buffer === slab) slabUsed = this.#end;
  }

  /** Goes on where this writer stands when nobody else has written behind it; else moves to where there is room. */
  #reserve(count: number): void {
    const isLast = this.#isOwn || (this.#buffer === slab && this.#end === slabUsed);
    if (isLast && this.#end + count <= this.#buffer.length) return;
    const length = this.#end - this.#start;
    const needed = length + count;
    const written = this.#buffer.subarray(this.#start, this.#end);
    this.#isOwn = needed > slabBytes / 4;
    if (this.#isOwn) {
      this.#buffer = new Uint8Array(needed * 2);
      this.#start = 0;
    } else {
      if (slabUsed + needed > slabBytes) {
        slab = new Uint8Array(slabBytes);
        slabUsed = 0;
      }
      this.#buffer = slab;
      this.#start = slabUsed;
    }
    this.#buffer.set(written, this.#start);
    this.#end = this.#start + length;
    if (this.#buffer === slab) slabUsed = this.#end;
  }
}
