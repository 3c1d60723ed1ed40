// The shape that the text deltas of one stream share, learnt from one of them: the next are recognised by comparing bytes,
// and their text travels as it stands in its JSON string. Whatever differs is nobody's here but the parser's.

import type { JsonText } from "../contract/json.ts";

const quote = 34;
const backslash = 92;
const space = 32;
const unicodeEscape = 117;
/** `"`, `\\`, `/`, `b`, `f`, `n`, `r`, `t` */
const simpleEscapes: ReadonlySet<number> = new Set([34, 92, 47, 98, 102, 110, 114, 116]);
const nothing = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One object serves all deltas of a stream: it is valid until the next event is matched. */
class RawJsonText implements JsonText {
  bytes: Uint8Array = nothing;
  start = 0;
  end = 0;

  get json(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  get text(): string {
    // A JSON string by construction.
    return JSON.parse(decoder.decode(this.json)) as string;
  }
}

export class JsonTextTemplate {
  readonly #raw = new RawJsonText();
  readonly #before: Uint8Array;
  readonly #after: Uint8Array;

  private constructor(before: Uint8Array, after: Uint8Array) {
    this.#before = before;
    this.#after = after;
  }

  /**
   * @param data an event that the parser understood
   * @param key the field that the parser found `text` in
   * @param readField the parser's way to that field: it must find there whatever stands in the place that was learnt
   * @returns undefined when the bytes do not show where the text stands
   */
  static learn(
    data: Uint8Array,
    key: string,
    text: string,
    readField: (event: unknown) => unknown,
  ): JsonTextTemplate | undefined {
    const keyBytes = encoder.encode(`"${key}":`);
    for (let at = indexOfBytes(data, keyBytes, 0); at >= 0; at = indexOfBytes(data, keyBytes, at + 1)) {
      let start = at + keyBytes.length;
      if (data[start] === space) start++;
      if (data[start] !== quote) continue;
      const end = endOfString(data, start, data.length);
      if (end < 0 || JSON.parse(decoder.decode(data.subarray(start, end + 1))) !== text) continue;
      const before = data.slice(0, start);
      const after = data.slice(end + 1);
      if (isAlone(data, keyBytes.subarray(0, -1)) || isTheField(before, after, readField))
        return new JsonTextTemplate(before, after);
    }
    return undefined;
  }

  /** Whether the event that stands in `bytes` from `from` to before `to` has this shape; then `text` is its text. */
  match(bytes: Uint8Array, from: number, to: number): boolean {
    const before = this.#before;
    const after = this.#after;
    const start = from + before.length;
    const tail = to - after.length;
    if (tail < start + 2 || bytes[start] !== quote) return false;
    // Numbers that differ from event to event stand mostly at the end: what is unlike shows there first.
    if (!equalsAt(bytes, after, tail) || !equalsAt(bytes, before, from)) return false;
    if (endOfString(bytes, start, tail) !== tail - 1) return false;
    this.#raw.bytes = bytes;
    this.#raw.start = start;
    this.#raw.end = tail;
    return true;
  }

  /**
   * Whether an event of this shape begins at `from`, wherever it ends; then `text` is its text.
   * @returns the index behind it; negative when none does
   */
  matchFrom(bytes: Uint8Array, from: number): number {
    const before = this.#before;
    const start = from + before.length;
    if (bytes[start] !== quote || !equalsAt(bytes, before, from)) return -1;
    const textEnd = endOfString(bytes, start, bytes.length);
    if (textEnd < 0 || !equalsAt(bytes, this.#after, textEnd + 1)) return -1;
    this.#raw.bytes = bytes;
    this.#raw.start = start;
    this.#raw.end = textEnd + 1;
    return textEnd + 1 + this.#after.length;
  }

  /** What stands before the text in an event of this shape, and behind it. */
  get bytesBefore(): number {
    return this.#before.length;
  }

  get bytesBehind(): number {
    return this.#after.length;
  }

  /** Of the last match. */
  get text(): JsonText {
    return this.#raw;
  }

  get isEmpty(): boolean {
    return this.#raw.end - this.#raw.start === 2;
  }

  /** The bytes of the last match are somebody else's from here on. */
  release(): void {
    this.#raw.bytes = nothing;
  }
}

/** The only field of that name is the one: within a text the quotes around it would be escaped. */
function isAlone(data: Uint8Array, quotedKey: Uint8Array): boolean {
  return indexOfBytes(data, quotedKey, indexOfBytes(data, quotedKey, 0) + 1) < 0;
}

/** Another field may hold the same text: only a probe tells that this is the one which is read. */
function isTheField(before: Uint8Array, after: Uint8Array, readField: (event: unknown) => unknown): boolean {
  const probe = "\u0001probe";
  try {
    const text = `${decoder.decode(before)}${JSON.stringify(probe)}${decoder.decode(after)}`;
    return readField(JSON.parse(text)) === probe;
  } catch {
    // Not JSON with the probe in it: not learnt, the parser goes on reading.
    return false;
  }
}

/**
 * Index before `limit` of the closing quote of the string that opens at `start`; negative when it does not close, or
 * holds what no JSON string may: such bytes must not reach a client.
 */
function endOfString(data: Uint8Array, start: number, limit: number): number {
  for (let at = start + 1; at < limit; at++) {
    const byte = data[at]!;
    if (byte === quote) return at;
    if (byte < space) return -1;
    if (byte !== backslash) continue;
    const escaped = data[at + 1];
    if (escaped === unicodeEscape) {
      if (!isHex(data, at + 2, at + 6)) return -1;
      at += 5;
    } else if (escaped !== undefined && simpleEscapes.has(escaped)) at += 1;
    else return -1;
  }
  return -1;
}

function isHex(data: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = data[at] ?? 0;
    const lower = byte | 32;
    if (!((byte >= 48 && byte <= 57) || (lower >= 97 && lower <= 102))) return false;
  }
  return true;
}

function equalsAt(data: Uint8Array, expected: Uint8Array, offset: number): boolean {
  for (let index = 0; index < expected.length; index++) {
    if (data[offset + index] !== expected[index]) return false;
  }
  return true;
}

function indexOfBytes(data: Uint8Array, needle: Uint8Array, from: number): number {
  const first = needle[0]!;
  for (let at = data.indexOf(first, from); at >= 0; at = data.indexOf(first, at + 1)) {
    if (equalsAt(data, needle, at)) return at;
  }
  return -1;
}
