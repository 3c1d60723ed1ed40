// What running streams have sent lately, all of it in one file: an event costs one write at its end, and a stream that
// begins no file of its own. Hot.

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { copyBytes } from "../sse/copy-bytes.ts";
import { removeFile } from "./file-spools.ts";

/** A record: one byte with the length of the id, four with that of the rest (little-endian), the id, the rest. */
const headBytes = 5;
const scratchBytes = 16 * 1024;
const readBytes = 256 * 1024;

export class Journal {
  readonly #path: string;
  readonly #now: () => number;
  readonly #descriptor: number;
  readonly #scratch = Buffer.allocUnsafeSlow(scratchBytes);
  #sinceMs = 0;
  #isClosed = false;
  size = 0;

  /**
   * @param now monotonic milliseconds
   * @throws when the file cannot be made
   */
  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
    this.#descriptor = openSync(path, "wx", 0o600);
  }

  /** Of its first record. */
  get ageMs(): number {
    return this.size === 0 ? 0 : this.#now() - this.#sinceMs;
  }

  /** All of it or, when it throws, nothing: what was written of it is written over. */
  append(streamId: string, bytes: Uint8Array): void {
    // Its number may be another file's by now.
    if (this.#isClosed) throw new Error(`Cannot write to "${this.#path}": it is closed`);
    const idEnd = headBytes + streamId.length;
    const length = idEnd + bytes.length;
    const record = length <= scratchBytes ? this.#scratch : Buffer.allocUnsafe(length);
    record[0] = streamId.length;
    record.writeUInt32LE(bytes.length, 1);
    record.write(streamId, headBytes, "latin1");
    copyBytes(bytes, 0, bytes.length, record, idEnd);
    for (let written = 0; written < length;) {
      written += writeSync(this.#descriptor, record, written, length - written, this.size + written);
    }
    if (this.size === 0) this.#sinceMs = this.#now();
    this.size += length;
  }

  /** Nobody needs what is in it. */
  empty(): void {
    if (this.size === 0 || this.#isClosed) return;
    try {
      ftruncateSync(this.#descriptor, 0);
      this.size = 0;
    } catch {
      // What comes stands behind it: written over in parts it could not be read.
    }
  }

  /** @throws when it cannot be removed */
  async remove(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#descriptor);
    await removeFile(this.#path);
  }
}

/**
 * What a journal holds of each of these streams, in the order in which it was appended. A last record that was half written
 * is given as far as it goes.
 */
export async function readFromJournal(
  path: string,
  streamIds: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array[]>();
  const file = await open(path, "r");
  try {
    // From the beginning of a record on: what was read, and is no whole record yet.
    let rest = new Uint8Array(0);
    for (;;) {
      const block = Buffer.allocUnsafeSlow(readBytes);
      const { bytesRead } = await file.read(block, 0, readBytes, null);
      const isLast = bytesRead === 0;
      const bytes = Buffer.concat([rest, block.subarray(0, bytesRead)]);
      const read = takeRecords(bytes, isLast, (streamId, piece) => {
        if (!streamIds.has(streamId)) return;
        // A copy: the rest of its block is not kept.
        const copy = new Uint8Array(piece);
        const pieces = found.get(streamId);
        if (pieces === undefined) found.set(streamId, [copy]);
        else pieces.push(copy);
      });
      if (isLast || read === undefined) break;
      rest = bytes.subarray(read);
    }
  } finally {
    await file.close();
  }
  return new Map([...found].map(([streamId, pieces]) => [streamId, Buffer.concat(pieces)]));
}

/** @returns where the first record begins that is not whole; undefined when none follow, as a power failure may leave it */
function takeRecords(
  bytes: Buffer,
  isLast: boolean,
  take: (streamId: string, piece: Uint8Array) => void,
): number | undefined {
  for (let at = 0; ;) {
    if (at + headBytes > bytes.length) return at;
    const idLength = bytes[at]!;
    if (idLength === 0) return undefined;
    const idEnd = at + headBytes + idLength;
    const end = idEnd + bytes.readUInt32LE(at + 1);
    const isWhole = end <= bytes.length;
    if (isWhole || (isLast && idEnd < bytes.length)) {
      take(bytes.toString("latin1", at + headBytes, idEnd), bytes.subarray(idEnd, end));
    }
    if (!isWhole) return at;
    at = end;
  }
}
