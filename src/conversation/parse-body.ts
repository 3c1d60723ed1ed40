// A request body to JSON values. The long texts of its messages stay bytes: as strings they would be decoded, copied,
// collapsed and escaped anew, at 2 bytes a character once there is one letter that is not Latin.

import { isUtf8 } from "node:buffer";
import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject } from "../contract/json.ts";
import { findTools, minToolsBytes, parseTools } from "./known-tools.ts";
import { LongText } from "./long-text.ts";

/** Texts of fewer bytes are cheaper as strings. */
const minTextBytes = 512;
/** Smaller bodies are not searched for texts and tools. */
const minBodyBytes = 1024;
/** What is nested deeper could be parsed, but not written again: `JSON.stringify` needs more stack (from 30,000 on). */
const maxDepth = 1000;

/**
 * @returns the value that `JSON.parse` would give, but with a `LongText` where the `content` of a message or the `output` of
 * an item, or the `text` of one of their parts, is a long string; its `tools` are the same object each time that the same
 * bytes come
 * @throws when it is no valid JSON in UTF-8; {GatewayError} `invalid-request` when it is nested too deep
 */
export function parseBody(body: Uint8Array): unknown {
  if (body.length < minBodyBytes || !isUtf8(body)) return JSON.parse(decoder.decode(body));
  const found = findPieces(body);
  if (found.length === 0) return JSON.parse(decoder.decode(body));
  // Nobody can guess what stands for the pieces while the rest is parsed.
  const mark = crypto.randomUUID();
  return replaceMarks(JSON.parse(decoder.decode(withMarks(body, found, mark))), found, mark);
}

/** What is not parsed with the rest: where it stands in the body, and what takes its place in the value. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly value: unknown;
  /** Its place is that of a whole value. Absent: of what stands between the quotes of a string. */
  readonly isWhole?: boolean;
}

/** The same for a request, whose client is told what is wrong. @throws {GatewayError} `invalid-request` */
export function parseRequestBody(body: Uint8Array): unknown {
  try {
    return parseBody(body);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError("invalid-request", "Cannot read the request: its body is not valid JSON", { cause: error });
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function withMarks(body: Uint8Array, found: readonly Piece[], mark: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  let kept = 0;
  for (const [index, { start, end, isWhole }] of found.entries()) {
    const place = isWhole === true ? `"${mark}${index}"` : `${mark}${index}`;
    pieces.push(body.subarray(kept, start), Buffer.from(place));
    kept = end;
  }
  pieces.push(body.subarray(kept));
  return Buffer.concat(pieces);
}

/** The value is fresh out of `JSON.parse` and nobody else's yet. */
function replaceMarks(value: unknown, found: readonly Piece[], mark: string): unknown {
  const replace = (object: unknown, field: string): void => {
    if (!isJsonObject(object)) return;
    const text = object[field];
    if (Array.isArray(text) && field !== "tools") for (const part of text) replace(part, "text");
    if (typeof text !== "string" || !text.startsWith(mark)) return;
    (object as Record<string, unknown>)[field] = found[Number(text.slice(mark.length))]?.value;
  };
  replace(value, "tools");
  for (const name of listNames) {
    const list = isJsonObject(value) ? value[name] : undefined;
    if (Array.isArray(list)) for (const message of list) for (const field of contentNames) replace(message, field);
  }
  return value;
}

const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const colon = 0x3a;
/** 1 for what needs no look when a string's end is looked for; nothing that is looked up beyond the end is. */
const plain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === quote || byte === backslash ? 0 : 1,
);

/**
 * By depth alone, without a look at which bracket it is: what is no chat request is refused soon enough.
 * @returns nothing for what is no valid JSON as well: `JSON.parse` says why
 */
function findPieces(body: Uint8Array): Piece[] {
  const found: Piece[] = [];
  let depth = 0;
  let isInMessages = false;
  let isInContent = false;
  let isText = false;
  /** Where the list of tools begins that is being read; 0: none is. */
  let toolsStart = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw nestedTooDeep();
    } else if (byte === 0x7d || byte === 0x5d) {
      if (--depth === 1 && toolsStart > 0) {
        if (at - toolsStart >= minToolsBytes) found.push(toolsAt(body, toolsStart, at + 1));
        toolsStart = 0;
      }
    }
    if (byte !== quote) continue;
    const start = at + 1;
    at = endOfString(body, start);
    if (at < 0) return [];
    const valueStart = valueBehind(body, at);
    if (valueStart > 0) {
      if (depth === 1) {
        isInMessages = isOneOf(body, start, at, lists);
        if (body[valueStart] !== openBracket || !equals(body, start, at, toolsKey)) continue;
        const known = findTools(body, valueStart);
        if (known === undefined) toolsStart = valueStart;
        else {
          at = valueStart + known.length - 1;
          found.push({ start: valueStart, end: at + 1, value: known.list, isWhole: true });
        }
      } else if (depth === 3) isInContent = isOneOf(body, start, at, contents);
      else if (depth === 5) isText = equals(body, start, at, textKey);
    } else if (at - start >= minTextBytes && isInMessages && isInContent && (depth === 3 || (depth === 5 && isText))) {
      if (!isValidText(body, start, at)) return [];
      found.push({ start, end: at, value: new LongText(body.subarray(start, at)) });
    }
  }
  return found;
}

function toolsAt(body: Uint8Array, start: number, end: number): Piece {
  return { start, end, value: parseTools(body.subarray(start, end)), isWhole: true };
}

function nestedTooDeep(): GatewayError {
  return new GatewayError(
    "invalid-request",
    `Cannot read the request: its body is nested deeper than ${maxDepth} objects and arrays`,
  );
}

/** So many bytes are looked at one by one, before the platform looks for the quote: most keys and many values end by then. */
const shortBytes = 24;

/** @returns the index of the closing quote; -1 when there is none. Whether the string is valid is told by who parses it */
function endOfString(body: Uint8Array, start: number): number {
  let at = start;
  const shortEnd = start + shortBytes;
  while (at < shortEnd && plain[body[at]!] === 1) at++;
  for (;;) {
    const end = body[at] === quote ? at : body.indexOf(quote, at);
    if (end < 0) return -1;
    let escapes = end;
    while (body[escapes - 1] === backslash) escapes--;
    if ((end - escapes) % 2 === 0) return end;
    at = end + 1;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controlCharacter = /[\u0000-\u001f]/;
/** Works on every byte array, and without a view on it. */
const latin1Slice = Buffer.prototype.latin1Slice;

/** Whether a JSON string may hold what stands between `start` and `end`, which is UTF-8 and holds no quote of its own. */
function isValidText(body: Uint8Array, start: number, end: number): boolean {
  if (controlCharacter.test(latin1Slice.call(body, start, end))) return false;
  for (let at = body.indexOf(backslash, start); at >= 0 && at < end;) {
    const length = escapeLength(body, at);
    if (length === 0) return false;
    at = body.indexOf(backslash, at + length);
  }
  return true;
}

const simpleEscapes: ReadonlySet<number | undefined> = new Set(Buffer.from('"\\/bfnrt'));

function escapeLength(body: Uint8Array, at: number): number {
  const kind = body[at + 1];
  if (simpleEscapes.has(kind)) return 2;
  if (kind !== 0x75) return 0;
  for (let index = at + 2; index < at + 6; index++) if (!isHex(body[index])) return 0;
  return 6;
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

/** What is said: messages, or the items of a response. */
const listNames = ["messages", "input"];
const contentNames = ["content", "output"];
const lists = listNames.map((name) => Buffer.from(name));
const contents = contentNames.map((name) => Buffer.from(name));
const textKey = Buffer.from("text");
const toolsKey = Buffer.from("tools");

function isOneOf(body: Uint8Array, start: number, end: number, names: readonly Uint8Array[]): boolean {
  for (const name of names) if (equals(body, start, end, name)) return true;
  return false;
}

/** @returns where the value of the key begins that ends with this quote; 0 when it is no key */
function valueBehind(body: Uint8Array, closingQuote: number): number {
  const at = skipSpace(body, closingQuote + 1);
  return body[at] === colon ? skipSpace(body, at + 1) : 0;
}

function skipSpace(body: Uint8Array, from: number): number {
  let at = from;
  while (body[at] === 0x20 || body[at] === 0x0a || body[at] === 0x0d || body[at] === 0x09) at++;
  return at;
}

function equals(body: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  if (end - start !== key.length) return false;
  for (let index = 0; index < key.length; index++) if (body[start + index] !== key[index]) return false;
  return true;
}
