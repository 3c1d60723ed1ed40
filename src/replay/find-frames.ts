// Where a frame begins in a spool, and where the last whole one ends. Frames end at the first blank line, so what looks
// like one within an answer's text cannot be mistaken for it.

import { othersFirst } from "../contract/others-first.ts";
import type { SpoolReader } from "./spool.ts";

const blockBytes = 64 * 1024;
/** Searched in one go: 4 MB take a millisecond or two. */
const blocksPerTurn = 16;

/** @returns the offset at which the frame of that id begins; undefined when the spool has none such. */
export async function findFrame(spool: SpoolReader, id: number): Promise<number | undefined> {
  if (id <= 1) return 0;
  const mark = Buffer.from(`\n\nid: ${id}\n`);
  let blocks = 0;
  for (let offset = 0; offset + mark.length <= spool.length; offset += blockBytes) {
    const found = readWhole(spool, offset, blockBytes + mark.length - 1).indexOf(mark);
    if (found >= 0) return offset + found + 2;
    if (++blocks % blocksPerTurn === 0) await othersFirst();
  }
  return undefined;
}

export interface WholeFrames {
  readonly length: number;
  /** 0: there is none. */
  readonly lastId: number;
}

/** What is left of a spool without a last frame that was only half written. */
export function findWholeFrames(spool: SpoolReader): WholeFrames {
  const lastEnd = findLast(spool, "\n\n", spool.length);
  if (lastEnd === undefined) return { length: 0, lastId: 0 };
  const before = findLast(spool, "\n\nid: ", lastEnd);
  const idAt = before === undefined ? "id: ".length : before + "\n\nid: ".length;
  const digits = Buffer.from(readWhole(spool, idAt, 20)).toString("latin1");
  return { length: lastEnd + 2, lastId: Number.parseInt(digits, 10) };
}

/** Whether the last of a spool's frames, which are whole, is one that ends the stream. */
export function endsWith(spool: SpoolReader, isEnding: (frame: Uint8Array) => boolean): boolean {
  if (spool.length === 0) return false;
  const before = findLast(spool, "\n\nid: ", spool.length);
  const start = before === undefined ? 0 : before + "\n\n".length;
  return isEnding(readWhole(spool, start, spool.length - start));
}

/** @returns the last offset at which `text` stands whole before `end`. */
function findLast(spool: SpoolReader, text: string, end: number): number | undefined {
  for (let blockEnd = end; blockEnd > 0; blockEnd -= blockBytes) {
    const offset = Math.max(blockEnd - blockBytes, 0);
    const length = Math.min(blockEnd + text.length - 1, end) - offset;
    const found = readWhole(spool, offset, length).lastIndexOf(text);
    if (found >= 0) return offset + found;
  }
  return undefined;
}

/** As many bytes as there are, at most `maxBytes`. */
function readWhole(spool: SpoolReader, offset: number, maxBytes: number): Buffer {
  const end = Math.min(offset + maxBytes, spool.length);
  const pieces: Uint8Array[] = [];
  for (let at = offset; at < end;) {
    const piece = spool.read(at, end - at);
    pieces.push(piece);
    at += piece.length;
  }
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return Buffer.from(first.buffer, first.byteOffset, first.length);
  return Buffer.concat(pieces);
}
