// How long a body is: by a length, by chunks, or until the connection ends. Framing is taken off.

import type { ResponseHeaders } from "./http-client.ts";
import { Http1Error } from "./http1-error.ts";

export interface BodySink {
  /** The fed chunk, a view into it or a copy, to which nobody writes again: it may be kept. */
  body(piece: Uint8Array): void;
}

export interface BodyReader {
  /**
   * @param bytes those before `from` are no part of the body; all are the reader's from here on
   * @returns the index behind the last one that belongs to this answer
   */
  feed(bytes: Uint8Array, from: number, sink: BodySink): number;
  /** The connection ended. @throws {Http1Error} when the body is not whole */
  end(): void;
  readonly isComplete: boolean;
  /** The body's end can be told without the connection's. */
  readonly isDelimited: boolean;
}

/** @throws {Http1Error} when the head tells of a body in two ways */
export function createBodyReader(method: string, status: number, headers: ResponseHeaders): BodyReader {
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (coding !== null && length !== null) throw new Http1Error("the answer tells its length in two ways");
  if (method === "HEAD" || status === 204 || status === 304) return new SizedBody(0);
  if (coding !== null) {
    if (coding.toLowerCase() !== "chunked") throw new Http1Error("the answer has an unknown transfer coding");
    return new ChunkedBody();
  }
  if (length === null) return new OpenBody();
  if (!lengthPattern.test(length)) throw new Http1Error("the answer has a malformed length");
  return new SizedBody(Number(length));
}

class SizedBody implements BodyReader {
  readonly isDelimited = true;
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get isComplete(): boolean {
    return this.#left === 0;
  }

  feed(bytes: Uint8Array, from: number, sink: BodySink): number {
    const end = Math.min(from + this.#left, bytes.length);
    this.#left -= end - from;
    if (end > from) sink.body(pieceOf(bytes, from, end));
    return end;
  }

  end(): void {
    if (this.#left > 0) throw new Http1Error("the connection was closed within the answer");
  }
}

class OpenBody implements BodyReader {
  readonly isDelimited = false;
  isComplete = false;

  feed(bytes: Uint8Array, from: number, sink: BodySink): number {
    if (bytes.length > from) sink.body(pieceOf(bytes, from, bytes.length));
    return bytes.length;
  }

  end(): void {
    this.isComplete = true;
  }
}

const lengthPattern = /^[0-9]{1,15}$/;
const carriageReturn = 13;
const lineFeed = 10;
const semicolon = 59;
const maxLineBytes = 4096;
const maxTrailerBytes = 16_384;
const maxSizeDigits = 13;
const mostCopiedBytes = 2048;

/** States of the chunked coding, in the order in which they follow one another. */
type State =
  "size" | "extension" | "size-end" | "data" | "data-end" | "data-end-feed" | "trailer" | "trailer-end" | "done";

class ChunkedBody implements BodyReader {
  readonly isDelimited = true;
  #state: State = "size";
  #size = 0;
  #digits = 0;
  #lineBytes = 0;
  #trailerBytes = 0;
  /** Of the current trailer line. */
  #trailerLineIsEmpty = true;

  get isComplete(): boolean {
    return this.#state === "done";
  }

  feed(bytes: Uint8Array, from: number, sink: BodySink): number {
    let at = from;
    // The data of all chunks of a read is one piece: that of the later ones moves up to the first, over what framed it.
    let start = 0;
    let filled = 0;
    try {
      while (at < bytes.length && this.#state !== "done") {
        if (this.#state === "data") {
          const end = Math.min(at + this.#size, bytes.length);
          this.#size -= end - at;
          if (filled === 0) start = filled = at;
          if (filled < at) bytes.copyWithin(filled, at, end);
          filled += end - at;
          at = end;
          if (this.#size === 0) this.#state = "data-end";
        } else this.#step(bytes[at++]!);
      }
    } finally {
      // Also what came before something malformed.
      if (filled > start) sink.body(pieceOf(bytes, start, filled));
    }
    return at;
  }

  end(): void {
    if (this.#state !== "done") throw new Http1Error("the connection was closed within the answer");
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "size":
        return this.#sizeByte(byte);
      case "extension":
        if (++this.#lineBytes > maxLineBytes) throw malformed();
        if (byte === carriageReturn) this.#state = "size-end";
        else if (byte === lineFeed) throw malformed();
        return;
      case "size-end":
        if (byte !== lineFeed) throw malformed();
        this.#state = this.#size === 0 ? "trailer" : "data";
        return;
      case "data-end":
        if (byte !== carriageReturn) throw malformed();
        this.#state = "data-end-feed";
        return;
      case "data-end-feed":
        if (byte !== lineFeed) throw malformed();
        this.#beginChunk();
        return;
      case "trailer":
        return this.#trailerByte(byte);
      case "trailer-end":
        if (byte !== lineFeed) throw malformed();
        this.#state = this.#trailerLineIsEmpty ? "done" : "trailer";
        this.#trailerLineIsEmpty = true;
        return;
      case "data":
      case "done":
        return;
      default:
        this.#state satisfies never;
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > maxSizeDigits) throw malformed();
      this.#size = this.#size * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw malformed();
    if (byte === carriageReturn) this.#state = "size-end";
    else if (byte === semicolon || byte === 32 || byte === 9) this.#state = "extension";
    else throw malformed();
  }

  /** Trailers are read over: nothing of them is used. */
  #trailerByte(byte: number): void {
    if (++this.#trailerBytes > maxTrailerBytes || byte === lineFeed) throw malformed();
    if (byte === carriageReturn) this.#state = "trailer-end";
    else this.#trailerLineIsEmpty = false;
  }

  #beginChunk(): void {
    this.#state = "size";
    this.#size = 0;
    this.#digits = 0;
    this.#lineBytes = 0;
  }
}

/** Copying a short piece costs 40 ns; the first view on what a socket gave costs 160, and a buffer for the collector. */
function pieceOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (start === 0 && end === bytes.length) return bytes;
  return end - start <= mostCopiedBytes ? bytes.slice(start, end) : bytes.subarray(start, end);
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function malformed(): Http1Error {
  return new Http1Error("the answer has a malformed chunk");
}
