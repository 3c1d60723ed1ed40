// The shape that all text deltas of one stream share, learnt from one of them: the next are recognised by comparing
// bytes, and their text travels as it stands in its JSON string. Whatever differs is nobody's here but the parser's.

import type { UpstreamEvent } from "../../contract/events.ts";
import type { JsonText } from "../../contract/json.ts";
import { copyBytes } from "../../sse/copy-bytes.ts";

const quote = 34;
const backslash = 92;
const space = 32;
const zero = 48;
const unicodeEscape = 117;
/** `"`, `\\`, `/`, `b`, `f`, `n`, `r`, `t` */
const simpleEscapes: ReadonlySet<number> = new Set([34, 92, 47, 98, 102, 110, 114, 116]);
const minTailBytes = 256;
const nothing = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const contentKey = encoder.encode('"content":');
const usageKey = encoder.encode('"usage":');
const inputTokensKey = encoder.encode('{"input_tokens":');

type DeltaKind = "text-delta" | "reasoning-delta";

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

export class DeltaTemplate {
  /** The delta of the last match. */
  readonly event: Extract<UpstreamEvent, { readonly text: JsonText }>;
  readonly #raw = new RawJsonText();
  readonly #before: Uint8Array;
  readonly #after: Uint8Array;
  #tail: Uint8Array = nothing;
  #tailLength = 0;

  private constructor(kind: DeltaKind, before: Uint8Array, after: Uint8Array) {
    this.event = { type: kind, text: this.#raw };
    this.#before = before;
    this.#after = after;
  }

  /**
   * @param data an event that the parser understood as a plain delta
   * @param content what the parser found in it
   * @returns undefined when the bytes do not show where the text stands
   */
  static learn(kind: DeltaKind, data: Uint8Array, content: string): DeltaTemplate | undefined {
    const key = indexOfBytes(data, contentKey, 0);
    if (key < 0) return undefined;
    const start = data.indexOf(quote, key + contentKey.length);
    if (start < 0 || start > key + contentKey.length + 1) return undefined;
    const end = endOfString(data, start, data.length);
    if (end < 0 || JSON.parse(decoder.decode(data.subarray(start, end + 1))) !== content) return undefined;
    const usage = indexOfBytes(data, usageKey, end);
    const tail = usage < 0 ? data.length : usage;
    return new DeltaTemplate(kind, data.slice(0, start), data.slice(end + 1, tail));
  }

  /**
   * Whether the event that stands in `bytes` from `from` to before `to` has this shape; then `event` holds its text, and
   * its usage is remembered.
   */
  match(bytes: Uint8Array, from: number, to: number): boolean {
    const before = this.#before;
    const after = this.#after;
    const start = from + before.length;
    if (to < start + 2 + after.length || bytes[start] !== quote || !equalsAt(bytes, before, from)) return false;
    const end = endOfString(bytes, start, to);
    const tail = end + 1 + after.length;
    if (end < 0 || tail > to || !equalsAt(bytes, after, end + 1)) return false;
    if (tail < to && !hasCounts(bytes, tail)) return false;
    this.#raw.bytes = bytes;
    this.#raw.start = start;
    this.#raw.end = end + 1;
    if (tail < to) this.#rememberTail(bytes, tail, to);
    return true;
  }

  get isEmpty(): boolean {
    return this.#raw.end - this.#raw.start === 2;
  }

  /** The bytes of the last match are somebody else's from here on. */
  release(): void {
    this.#raw.bytes = nothing;
  }

  /** What stood behind the text in the last match that had a usage, as JSON text; undefined before one. */
  takeTail(): string | undefined {
    if (this.#tailLength === 0) return undefined;
    const text = `{${decoder.decode(this.#tail.subarray(0, this.#tailLength))}`;
    this.#tailLength = 0;
    return text;
  }

  #rememberTail(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (length > this.#tail.length) this.#tail = new Uint8Array(Math.max(minTailBytes, length * 2));
    copyBytes(bytes, from, to, this.#tail, 0);
    this.#tailLength = length;
  }
}

/**
 * Index before `limit` of the closing quote of the string that opens at `start`; negative when it does not close, or holds what no JSON
 * string may: such bytes must not reach a client.
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

/** Whether a usage that can be read stands there: an empty one must not take the place of the one before. */
function hasCounts(data: Uint8Array, offset: number): boolean {
  if (!equalsAt(data, usageKey, offset)) return false;
  const object = skipSpace(data, offset + usageKey.length);
  if (!equalsAt(data, inputTokensKey, object)) return false;
  const digit = data[skipSpace(data, object + inputTokensKey.length)] ?? 0;
  return digit >= zero && digit <= zero + 9;
}

function skipSpace(data: Uint8Array, offset: number): number {
  return data[offset] === space ? offset + 1 : offset;
}

function equalsAt(data: Uint8Array, expected: Uint8Array, offset: number): boolean {
  if (offset + expected.length > data.length) return false;
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
