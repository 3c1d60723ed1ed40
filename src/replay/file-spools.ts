// Spools as files, one a stream, for this user alone. A killed process leaves behind whatever was appended.

import { closeSync, fstatSync, mkdirSync, open, openSync, readSync, writeSync } from "node:fs";
import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, errorOf } from "../contract/thrown.ts";
import type { Spool, Spools, StoredSpool } from "./spool.ts";

const suffix = ".sse";

/** @throws when the directory cannot be made. */
export function createFileSpools(directory: string): Spools {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pathOf = (streamId: string): string => join(directory, `${streamId}${suffix}`);
  return {
    create: (streamId) => new FileSpool(pathOf(streamId)),
    open(streamId) {
      const path = pathOf(streamId);
      try {
        return new FileSpool(path, openSync(path, "r"));
      } catch (error) {
        if (codeOf(error) === "ENOENT") return undefined;
        throw error;
      }
    },
    remove: (streamId) => removeFile(pathOf(streamId)),
    async list() {
      const names = (await readdir(directory)).filter((name) => name.endsWith(suffix));
      const found: StoredSpool[] = [];
      for (const name of names) {
        const streamId = name.slice(0, -suffix.length);
        // Removed meanwhile.
        const facts = await stat(join(directory, name)).catch(() => undefined);
        if (facts?.isFile() === true) found.push({ streamId, bytes: facts.size, modifiedAtMs: facts.mtimeMs });
      }
      return found;
    },
  };
}

class FileSpool implements Spool {
  readonly opened: Promise<Error | undefined>;
  readonly #path: string;
  #descriptor: number | undefined;
  #failure: Error | undefined;
  /** Appended before the file was there. */
  #early: Uint8Array[] = [];
  #users = 1;
  length = 0;

  /** @param descriptor of a file that is there; without it a new one is made. */
  constructor(path: string, descriptor?: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    if (descriptor !== undefined) this.length = fstatSync(descriptor).size;
    this.opened = descriptor === undefined ? this.#create() : Promise.resolve(undefined);
  }

  append(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#descriptor === undefined) this.#early.push(bytes);
    else writeAt(this.#descriptor, bytes, this.length);
    this.length += bytes.length;
  }

  /** Synchronous, as writing is: mostly it was written a moment ago. */
  read(offset: number, maxBytes: number): Uint8Array {
    if (this.#failure !== undefined) throw this.#failure;
    const end = Math.min(offset + maxBytes, this.length);
    if (this.#descriptor === undefined) return Buffer.concat(this.#early).subarray(offset, end);
    // An array of its own: it may wait in a queue for as long as its reader is slow.
    const block = Buffer.allocUnsafeSlow(end - offset);
    const count = readSync(this.#descriptor, block, 0, block.length, offset);
    if (count === 0) throw new Error(`Cannot read "${this.#path}" at ${offset}: it is shorter than it was`);
    return count === block.length ? block : block.subarray(0, count);
  }

  retain(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users === 0) this.#close();
  }

  async discard(): Promise<void> {
    await this.opened;
    // Else it is somebody else's.
    if (codeOf(this.#failure) !== "EEXIST") await removeFile(this.#path);
  }

  /**
   * On another thread: where a disk is busy, a new name takes milliseconds, a hundred at worst (ext4), in which all
   * streams would stand still.
   */
  #create(): Promise<Error | undefined> {
    return new Promise((resolve) => {
      open(this.#path, "wx+", 0o600, (error, descriptor) => {
        if (error === null) this.#takeOver(descriptor);
        else this.#failure = error;
        if (this.#users === 0) this.#close();
        resolve(this.#failure);
      });
    });
  }

  #takeOver(descriptor: number): void {
    this.#descriptor = descriptor;
    try {
      writeAt(descriptor, Buffer.concat(this.#early), 0);
    } catch (error) {
      this.#failure = errorOf(error);
    }
    this.#early = [];
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** Synchronous: 0.7 us into the page cache, where a thread pool costs twenty times that and a promise. */
function writeAt(descriptor: number, bytes: Uint8Array, offset: number): void {
  for (let written = 0; written < bytes.length;) {
    written += writeSync(descriptor, bytes, written, bytes.length - written, offset + written);
  }
}

/** One that is gone already is removed. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
