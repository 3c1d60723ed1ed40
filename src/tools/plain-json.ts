// Tells from the raw bytes of a JSON string that no markup can begin in it, nor has begun: most deltas need no decoding. Hot.

import type { JsonText } from "../contract/json.ts";

const space = 32;
const backslash = 92;
const firstBeyondAscii = 0x80;

/** Where on its line a text stands, and what it may therefore not hold. */
export interface LinePlace {
  /** 1 for each byte that has to be looked at. */
  readonly signs: Uint8Array;
  /** Words stand before it: whatever fences a line consists of are none. */
  readonly isMidLine: boolean;
}

export const lineStart: LinePlace = { signs: signTable("<`~"), isMidLine: false };
export const midLine: LinePlace = { signs: signTable("<"), isMidLine: true };
/** Within a block of code only its end matters. */
export const codeLineStart: LinePlace = { signs: signTable("`~"), isMidLine: false };
export const midCodeLine: LinePlace = { signs: signTable(""), isMidLine: true };

function signTable(signs: string): Uint8Array {
  const table = new Uint8Array(256);
  table[backslash] = 1;
  for (const sign of signs) table[sign.charCodeAt(0)] = 1;
  return table;
}

/** `"`, `\` and `/` stand for themselves. All other escapes may hide a line end, white space, or any sign. */
function isOwnSign(escaped: number): boolean {
  return escaped === 34 || escaped === backslash || escaped === 47;
}

export function isPlainJson({ bytes, start, end }: JsonText, { signs, isMidLine }: LinePlace): boolean {
  const last = end - 2;
  if (last <= start) return false;
  for (let at = start + 1; at <= last; at++) {
    const byte = bytes[at]!;
    if (signs[byte] !== 1) continue;
    if (byte !== backslash || !isOwnSign(bytes[++at]!)) return false;
  }
  // White space at the end waits for what follows it. Beyond ASCII there is some that does not, but says nothing of its line.
  const lastByte = bytes[last]!;
  return lastByte !== space && (isMidLine || lastByte < firstBeyondAscii);
}
