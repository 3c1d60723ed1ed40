// Frames of one stream, numbered from 1: `id:` and `data:`, each event one frame.

import type { JsonText } from "../contract/json.ts";
import { ByteWriter } from "../sse/byte-writer.ts";
import { formatSseEvent } from "../sse/sse-writer.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const tokenStart = encoder.encode('\ndata: {"token":');
const reasoningStart = encoder.encode('\ndata: {"reasoning":');
const objectEnd = encoder.encode("}\n\n");

export class FrameWriter {
  readonly #writer = new ByteWriter();
  /** Of the last frame that was written. */
  lastId: number;

  /** @param lastId of the frame before the first one */
  constructor(lastId = 0) {
    this.lastId = lastId;
  }

  /**
   * @param data an object, or text that stands as it is: with line ends it becomes several data lines
   * @throws {TypeError} when it has no JSON; nothing is written then
   */
  event(data: object | string): void {
    const frame = formatSseEvent(data);
    this.lastId++;
    this.#writer.text(`id: ${this.lastId}\n${frame}`);
  }

  /** Hot: the text travels as it stands in its JSON string, unless that escapes what needs no escape. */
  token(text: JsonText): void {
    this.#text(tokenStart, text);
  }

  reasoning(text: JsonText): void {
    this.#text(reasoningStart, text);
  }

  get pendingBytes(): number {
    return this.#writer.length;
  }

  /** Empties. */
  take(): Uint8Array {
    return this.#writer.take();
  }

  #text(start: Uint8Array, text: JsonText): void {
    this.lastId++;
    this.#writer.text(`id: ${this.lastId}`);
    this.#writer.bytes(start);
    if (mayNeedNoEscape(text)) this.#writer.text(JSON.stringify(text.text));
    else this.#writer.range(text.bytes, text.start, text.end);
    this.#writer.bytes(objectEnd);
  }
}

const backslash = 92;
const unicodeEscape = 117;
const slash = 47;

/** Many servers escape whatever is not ASCII, as Python's encoder does by default, or `/`. */
function mayNeedNoEscape({ bytes, start, end }: JsonText): boolean {
  for (let at = start; at < end; at++) {
    if (bytes[at] !== backslash) continue;
    // An escaped backslash begins nothing.
    at++;
    if (bytes[at] === unicodeEscape || bytes[at] === slash) return true;
  }
  return false;
}

/** The same frames with ids from `firstId` on: mostly they have them. */
export function numberedFrom(firstId: number, bytes: Uint8Array): Uint8Array {
  if (startsWithId(firstId, bytes)) return bytes;
  let id = firstId;
  // Their JSON has no bare line ends, so that nothing else looks like the beginning of a frame.
  const frames = decoder.decode(bytes).replaceAll(/(^|\n\n)id: \d+/g, (_, before) => `${before}id: ${id++}`);
  return encoder.encode(frames);
}

function startsWithId(id: number, bytes: Uint8Array): boolean {
  const start = `id: ${id}\n`;
  for (let at = 0; at < start.length; at++) if (bytes[at] !== start.charCodeAt(at)) return false;
  return true;
}

const lineFeed = 10;
const digitZero = 48;

/** The id of the last frame: `bytes` are whole frames of a `FrameWriter`, one at least, each with one data line. */
export function lastIdOf(bytes: Uint8Array): number {
  // JSON has no bare line ends: the one before the frame's own three belongs to its `id:` line.
  const dataStart = bytes.lastIndexOf(lineFeed, bytes.length - 3);
  let id = 0;
  for (let at = dataStart - 1, scale = 1; bytes[at]! >= digitZero; at--, scale *= 10)
    id += (bytes[at]! - digitZero) * scale;
  return id;
}
