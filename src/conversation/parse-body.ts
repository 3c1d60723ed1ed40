// A request body to JSON values. The long texts of its messages stay bytes: as strings they would be decoded, copied,
// collapsed and escaped anew, at 2 bytes a character once there is one letter that is not Latin. What came before, tools and
// the beginning of a history, is not parsed again.

import { parseExact } from "../contract/exact-json.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { closingQuote, skipSpace } from "../contract/json-bytes.ts";
import { isJsonObject } from "../contract/json.ts";
import { findHistory, type KnownHistory } from "./known-histories.ts";
import { findTools, minToolsBytes, parseTools } from "./known-tools.ts";
import { marked, type Piece } from "./marked-json.ts";
import { contentNames, listNames, parseList } from "./parse-list.ts";

/** Texts of fewer bytes are cheaper as strings. */
const minTextBytes = 512;
/** Smaller bodies are not searched for texts and tools. */
const minBodyBytes = 1024;
/** What is nested deeper could be parsed, but not written again: `JSON.stringify` needs more stack (from 30,000 on). */
const maxDepth = 1000;

/**
 * @param scope Whose body it is: what its messages, or items, have in common with those of an earlier body of the same scope
 * is the same objects again. Absent: nothing is looked for, nor kept.
 * @returns the value that `JSON.parse` would give, but with a `LongText` where the `content` of a message or the `output` of
 * an item, or the `text` of one of their parts, is a long string; its `tools` are the same object each time that the same
 * bytes come. Nobody may change it.
 * @throws when it is no valid JSON in UTF-8; {GatewayError} `invalid-request` when it is nested too deep
 */
export function parseBody(body: Uint8Array, scope?: string): unknown {
  if (body.length < minBodyBytes) return parseExact(decoder.decode(body));
  // Nobody can guess what stands for the pieces while the rest is parsed.
  const mark = crypto.randomUUID();
  const found = findPieces(body, mark, scope);
  if (found.length === 0) return parseExact(decoder.decode(body));
  const value = parseExact(marked(body, found, mark));
  fieldEnds.set(body, new Map(found.map(({ start, end }) => [start, end])));
  if (!isJsonObject(value)) return value;
  const fields: Record<string, unknown> = value;
  for (const name of pieceNames) {
    const place = fields[name];
    if (typeof place === "string" && place.startsWith(mark))
      fields[name] = found[Number(place.slice(mark.length))]?.value;
  }
  return value;
}

/** Where the lists of what is said and the tools begin and end in the bodies that were parsed. */
const fieldEnds = new WeakMap<Uint8Array, ReadonlyMap<number, number>>();

/**
 * @returns the index behind the value that begins there, where the body was parsed and this was found on the way: a list of a
 * megabyte is not looked through once more
 */
export function knownEndOf(body: Uint8Array, start: number): number | undefined {
  return fieldEnds.get(body)?.get(start);
}

/** The same for a request, whose client is told what is wrong. @throws {GatewayError} `invalid-request` */
export function parseRequestBody(body: Uint8Array, scope?: string): unknown {
  try {
    return parseBody(body, scope);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError("invalid-request", "Cannot read the request: its body is not valid JSON", { cause: error });
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const colon = 0x3a;

/** The list of what is said, while it is read. */
interface OpenList {
  /** Of its bracket. */
  readonly start: number;
  readonly known: KnownHistory | undefined;
  /** Behind what is known. What follows counts from here. */
  readonly from: number;
  /** Where its items end that are objects or lists. */
  readonly ends: number[];
  /** Where each long text begins and ends. */
  readonly texts: number[];
}

/**
 * By depth alone, without a look at which bracket it is: what is no chat request is refused soon enough.
 * @returns nothing for what is no valid JSON as well: `JSON.parse` says why
 */
function findPieces(body: Uint8Array, mark: string, scope: string | undefined): readonly Piece[] {
  const found: Piece[] = [];
  let depth = 0;
  let isInContent = false;
  let isText = false;
  let list: OpenList | undefined;
  /** Where the list of tools begins that is being read; 0: none is. */
  let toolsStart = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw nestedTooDeep();
      // What was named before was named elsewhere: this one may have no names at all.
      if (depth === 3) isInContent = false;
      else if (depth === 5) isText = false;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
      if (depth === 2 && list !== undefined) list.ends.push(at + 1 - list.from);
      if (depth === 1) {
        if (toolsStart > 0 && at - toolsStart >= minToolsBytes) found.push(toolsAt(body, toolsStart, at + 1));
        if (list !== undefined) {
          const values = parseList(body.subarray(list.from, at + 1), { ...list, mark, scope });
          if (values === undefined) return none;
          found.push({ start: list.start, end: at + 1, value: values, isWhole: true });
        }
        toolsStart = 0;
        list = undefined;
      }
    }
    if (byte !== quote) continue;
    const start = at + 1;
    at = closingQuote(body, start);
    if (at < 0) return none;
    const valueStart = valueBehind(body, at);
    if (valueStart > 0) {
      if (depth === 1) {
        if (body[valueStart] !== openBracket) continue;
        if (isOneOf(body, start, at, lists)) {
          list = openList(body, valueStart, scope);
          if (list.known === undefined) continue;
          at = list.from - 1;
          depth = 2;
        } else if (equals(body, start, at, toolsKey)) {
          const known = findTools(body, valueStart);
          if (known === undefined) toolsStart = valueStart;
          else {
            at = valueStart + known.length - 1;
            found.push({ start: valueStart, end: at + 1, value: known.list, isWhole: true });
          }
        }
      } else if (depth === 3) isInContent = isOneOf(body, start, at, contents);
      // A list of parts has no names: these are of something else.
      else if (depth === 4) isInContent = false;
      else if (depth === 5) isText = equals(body, start, at, textKey);
    } else if (list !== undefined && at - start >= minTextBytes && isInContent) {
      if (depth !== 3 && (depth !== 5 || !isText)) continue;
      if (!isValidText(body, start, at)) return none;
      list.texts.push(start - list.from, at - list.from);
    }
  }
  return found;
}

const none: readonly never[] = [];

function openList(body: Uint8Array, start: number, scope: string | undefined): OpenList {
  const known = scope === undefined ? undefined : findHistory(scope, body, start);
  return { start, known, from: start + (known?.length ?? 0), ends: [], texts: [] };
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

/** What no JSON string may hold, and a backslash that means nothing by what follows it, unless another one is in front. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const suspect = /[\u0000-\u001f]|\\(?!["\\/bfnrt]|u[\da-fA-F]{4})/g;
/** Works on every byte array, and without a view on it. */
const latin1Slice = Buffer.prototype.latin1Slice;

/**
 * Whether a JSON string may hold what stands between `start` and `end`, which is UTF-8 and holds no quote of its own. As a
 * string of bytes: 0.1 to 1 ms a megabyte, by how many escapes there are; with a call for each of them 0.2 to 2.3.
 */
function isValidText(body: Uint8Array, start: number, end: number): boolean {
  const text: string = latin1Slice.call(body, start, end);
  suspect.lastIndex = 0;
  while (suspect.test(text)) {
    const at = suspect.lastIndex - 1;
    if (text.charCodeAt(at) !== backslash || !isEscaped(text, at)) return false;
  }
  return true;
}

/** Whether a backslash in front of it takes the meaning from this one. */
function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === backslash) first--;
  return (at - first) % 2 === 1;
}

const pieceNames = [...listNames, "tools"];
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

function equals(body: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  if (end - start !== key.length) return false;
  for (let index = 0; index < key.length; index++) if (body[start + index] !== key[index]) return false;
  return true;
}
