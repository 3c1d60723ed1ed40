// The lists of tools that requests bring. Agents send the same one with each request, and it is often half of it: the same
// bytes are the same value, so that it is parsed once, and so is whatever is made of it (`onceFor`). Bounded.

import { parseExact } from "../contract/exact-json.ts";

const compare = Buffer.prototype.compare;
const closeBracket = 0x5d;

/** Shorter ones are parsed as fast as they are found. */
export const minToolsBytes = 128;
/** Looking through all of them takes 2 us. */
const maxLists = 32;
/** Of all of them together, as they are written. */
const maxBytes = 2 * 1024 * 1024;

export interface KnownTools {
  /** A list of which `body` holds the very bytes from `start` on. Nobody may change it. */
  readonly list: unknown;
  readonly length: number;
}

interface Entry extends KnownTools {
  readonly bytes: Uint8Array;
}

/** The one that was used last at the front. What would be parsed again is memory, not state: whoever sends it gets the same. */
const entries: Entry[] = [];

export function findTools(body: Uint8Array, start: number): KnownTools | undefined {
  for (const [index, entry] of entries.entries()) {
    if (!standsAt(body, start, entry.bytes)) continue;
    if (index > 0) entries.unshift(...entries.splice(index, 1));
    return entry;
  }
  return undefined;
}

/** A list ends with its own bracket: whatever follows, what begins with its bytes is this list. */
function standsAt(body: Uint8Array, start: number, bytes: Uint8Array): boolean {
  const end = start + bytes.length;
  return (
    end <= body.length && body[end - 1] === closeBracket && compare.call(body, bytes, 0, bytes.length, start, end) === 0
  );
}

/** @param json an array, whole. @throws {SyntaxError} when it is no valid JSON */
export function parseTools(json: Uint8Array): unknown {
  const list = parseExact(decoder.decode(json));
  entries.unshift({ list, length: json.length, bytes: json.slice() });
  let bytes = entries.reduce((sum, { length }) => sum + length, 0);
  while (entries.length > maxLists || bytes > maxBytes) bytes -= entries.pop()?.length ?? bytes;
  return list;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
