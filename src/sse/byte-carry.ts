// Bytes that wait for their end. Grows by fragments, so that what was carried once is not moved again by the next piece.

import { copyBytes } from "./copy-bytes.ts";

/** Small pieces share a fragment: a line that arrives byte by byte must not cost an object a byte. */
const fragmentBytes = 4096;
const firstFragmentBytes = 512;

/** A larger fragment is given back to the collector when it is done with; a smaller one is used again. */
const maxIdleBytes = 65_536;

const nothing = new Uint8Array(0);

/** Bytes in arrival order, joined at most once. */
export class ByteCarry {
  /** Bytes that wait. */
  length = 0;
  /** Bytes ever copied, in and while joining. */
  copiedBytes = 0;
  /** Made when one does not suffice. */
  private full: Uint8Array[] | undefined;
  private current: Uint8Array = nothing;
  private used = 0;

  /** The bytes from `start` to before `end`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (count > this.current.length - this.used) {
      if (this.used > 0) {
        this.full ??= [];
        this.full.push(this.current.subarray(0, this.used));
      }
      this.current = new Uint8Array(this.sizeFor(count));
      this.used = 0;
    }
    copyBytes(bytes, start, end, this.current, this.used);
    this.used += count;
    this.length += count;
    this.copiedBytes += count;
  }

  /** All that waits, as one view that stays as it is until the next `append`; nothing waits afterwards. */
  take(): Uint8Array {
    const taken = this.full === undefined ? this.current.subarray(0, this.used) : this.join(this.full);
    this.clear();
    return taken;
  }

  clear(): void {
    this.full = undefined;
    if (this.current.length > maxIdleBytes) this.current = nothing;
    this.used = 0;
    this.length = 0;
  }

  /** The first piece is mostly the only one, an event cut by the end of a chunk: it gets what it needs. */
  private sizeFor(count: number): number {
    return Math.max(this.current.length === 0 ? firstFragmentBytes : fragmentBytes, count);
  }

  private join(full: readonly Uint8Array[]): Uint8Array {
    const joined = new Uint8Array(this.length);
    let offset = 0;
    for (const fragment of full) {
      joined.set(fragment, offset);
      offset += fragment.length;
    }
    joined.set(this.current.subarray(0, this.used), offset);
    this.copiedBytes += joined.length;
    return joined;
  }
}
