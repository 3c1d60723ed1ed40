// Bytes to be sent, gathered between two flushes. Holds no memory while there is nothing to send.

const initialBytes = 1024;
const encoder = new TextEncoder();

export class ByteWriter {
  #buffer: Uint8Array | undefined;
  #length = 0;

  /** Copies: the bytes may be a view that is overwritten soon. */
  bytes(bytes: Uint8Array): void {
    const buffer = this.#reserve(bytes.length);
    buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  text(text: string): void {
    // A UTF-16 unit takes three bytes of UTF-8 at most.
    const buffer = this.#reserve(text.length * 3);
    this.#length += encoder.encodeInto(text, buffer.subarray(this.#length)).written;
  }

  /** Empties: what was gathered belongs to the caller. */
  take(): Uint8Array {
    const taken = this.#buffer?.subarray(0, this.#length) ?? nothing;
    this.#buffer = undefined;
    this.#length = 0;
    return taken;
  }

  #reserve(count: number): Uint8Array {
    const needed = this.#length + count;
    const old = this.#buffer;
    if (old !== undefined && old.length >= needed) return old;
    const grown = new Uint8Array(Math.max(initialBytes, needed, (old?.length ?? 0) * 2));
    if (old !== undefined) grown.set(old.subarray(0, this.#length));
    this.#buffer = grown;
    return grown;
  }
}

const nothing = new Uint8Array(0);
