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
/** Works on every byte array, and without a view on it. */
const decodeUtf8 = Buffer.prototype.toString;

/** One object serves all deltas of a stream: it is valid until the next event is matched. */
class RawJsonText implements JsonText {
  bytes: Uint8Array = nothing;
  start = 0;
  end = 0;

  get json(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  get text(): string {
    const json = decodeUtf8.call(this.bytes, "utf8", this.start, this.end);
    // A JSON string by construction.
    return json.includes("\\") ? (JSON.parse(json) as string) : json.slice(1, -1);
  }
}

/** What stands at the end of each event and differs from one to the next. */
export interface EventTail {
  /** What it begins with. */
  readonly start: Uint8Array;
  /** Whether what stands in `bytes` from `from` to before `to` is such a tail. An event may also have none. */
  accepts(bytes: Uint8Array, from: number, to: number): boolean;
}

export interface LearnOptions {
  /** The field that the parser found `text` in. */
  readonly key: string;
  readonly text: string;
  /** The parser's way to that field: it must find there whatever stands in the place that was learnt. */
  readonly readField: (event: unknown) => unknown;
  /** @defaultValue none: nothing but the text differs */
  readonly tail?: EventTail;
}

export class JsonTextTemplate {
  /** Where the tail of the last match began: the end of the event where it had none. */
  tailStart = 0;
  readonly #raw = new RawJsonText();
  readonly #before: Uint8Array;
  readonly #after: Uint8Array;
  readonly #tail: EventTail | undefined;

  private constructor(before: Uint8Array, after: Uint8Array, tail: EventTail | undefined) {
    this.#before = before;
    this.#after = after;
    this.#tail = tail;
  }

  /**
   * @param data an event that the parser understood
   * @returns undefined when the bytes do not show where the text stands
   */
  static learn(data: Uint8Array, { key, text, readField, tail }: LearnOptions): JsonTextTemplate | undefined {
    const keyBytes = encoder.encode(`"${key}":`);
    for (let at = indexOfBytes(data, keyBytes, 0); at >= 0; at = indexOfBytes(data, keyBytes, at + 1)) {
      let start = at + keyBytes.length;
      if (data[start] === space) start++;
      if (data[start] !== quote) continue;
      const end = endOfString(data, start, data.length);
      if (end < 0 || JSON.parse(decoder.decode(data.subarray(start, end + 1))) !== text) continue;
      const before = data.slice(0, start);
      if (!isTheField(before, data.subarray(end + 1), readField)) continue;
      const tailAt = tail === undefined ? -1 : indexOfBytes(data, tail.start, end);
      return new JsonTextTemplate(before, data.slice(end + 1, tailAt < 0 ? data.length : tailAt), tail);
    }
    return undefined;
  }

  /** The same shape for another stream. @param after what stands behind the text there: the same JSON, another string in it */
  copyFor(after: Uint8Array): JsonTextTemplate {
    return new JsonTextTemplate(this.#before, after, this.#tail);
  }

  /** Whether the event that stands in `bytes` from `from` to before `to` has this shape; then `text` is its text. */
  match(bytes: Uint8Array, from: number, to: number): boolean {
    const before = this.#before;
    const after = this.#after;
    const start = from + before.length;
    if (to < start + 2 + after.length || bytes[start] !== quote) return false;
    const end = this.#tail === undefined ? this.#endBefore(bytes, from, to) : this.#endBeforeTail(bytes, from, to);
    if (end < 0) return false;
    this.#raw.bytes = bytes;
    this.#raw.start = start;
    this.#raw.end = end;
    this.tailStart = end + after.length;
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

  /** What stands behind the text in an event of this shape, its tail aside. Not to be written to. */
  get after(): Uint8Array {
    return this.#after;
  }

  /** What stands before the text in an event of this shape, and behind it. */
  get bytesBefore(): number {
    return this.#before.length;
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

  /** @returns the index behind the text of an event without a tail; -1 when it has another shape */
  #endBefore(bytes: Uint8Array, from: number, to: number): number {
    const start = from + this.#before.length;
    const end = to - this.#after.length;
    // Numbers that differ from event to event stand mostly at the end: what is unlike shows there first.
    if (!equalsAt(bytes, this.#after, end) || !equalsAt(bytes, this.#before, from)) return -1;
    return endOfString(bytes, start, end) === end - 1 ? end : -1;
  }

  #endBeforeTail(bytes: Uint8Array, from: number, to: number): number {
    if (!equalsAt(bytes, this.#before, from)) return -1;
    const end = endOfString(bytes, from + this.#before.length, to) + 1;
    const tailAt = end + this.#after.length;
    if (end === 0 || tailAt > to || !equalsAt(bytes, this.#after, end)) return -1;
    return tailAt === to || this.#tail?.accepts(bytes, tailAt, to) === true ? end : -1;
  }
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

/** Beyond the end of `data` nothing is equal. */
export function equalsAt(data: Uint8Array, expected: Uint8Array, offset: number): boolean {
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
