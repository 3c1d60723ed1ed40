// The top-level `model` of a JSON object, found by one walk over its bytes: nothing is parsed but the names of its fields.

import { GatewayError } from "../../contract/gateway-error.ts";
import { closingQuote, skipSpace } from "../../contract/json-bytes.ts";
import type { ModelPlace } from "./model-place.ts";

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Undefined when the object names none. Of several the last counts, as it does for every parser.
 * @throws {GatewayError} `invalid-request` when the body is no JSON object as far as the walk can tell, or its model no text
 */
export function findJsonModel(body: Uint8Array): ModelPlace | undefined {
  let found: ModelPlace | undefined;
  let at = skipSpace(body, hasByteOrderMark(body) ? 3 : 0);
  if (body[at] !== openBrace) throw notAnObject();
  at = skipSpace(body, at + 1);
  while (body[at] !== closeBrace) {
    const keyEnd = endOfString(body, at);
    const key = parseString(body, at, keyEnd);
    const colonAt = skipSpace(body, keyEnd);
    if (body[colonAt] !== colon) throw notAnObject();
    const start = skipSpace(body, colonAt + 1);
    const end = endOfValue(body, start);
    if (key === "model") found = placeOf(body, start, end);
    at = skipSpace(body, end);
    if (body[at] === comma) at = skipSpace(body, at + 1);
    else if (body[at] !== closeBrace) throw notAnObject();
  }
  if (skipSpace(body, at + 1) !== body.length) throw notAnObject();
  return found;
}

function placeOf(body: Uint8Array, start: number, end: number): ModelPlace | undefined {
  const text = decoder.decode(body.subarray(start, end));
  if (text === "null" || text === '""') return undefined;
  if (body[start] !== quote) {
    throw new GatewayError("invalid-request", 'Cannot read the request: "model" must be a text', { param: "model" });
  }
  return { model: parseString(body, start, end), start, end, encode: (model) => encoder.encode(JSON.stringify(model)) };
}

function parseString(body: Uint8Array, start: number, end: number): string {
  try {
    return String(JSON.parse(decoder.decode(body.subarray(start, end))));
  } catch (cause) {
    throw notAnObject(cause);
  }
}

/** Index behind the closing quote. */
function endOfString(body: Uint8Array, start: number): number {
  if (body[start] !== quote) throw notAnObject();
  const end = closingQuote(body, start + 1);
  if (end < 0) throw notAnObject();
  return end + 1;
}

/** Index behind it. Containers are skipped by their depth, whatever stands in them. */
function endOfValue(body: Uint8Array, start: number): number {
  const first = body[start];
  if (first === quote) return endOfString(body, start);
  if (first !== openBrace && first !== openBracket) return endOfWord(body, start);
  let depth = 0;
  for (let at = start; at < body.length; at++) {
    const byte = body[at];
    if (byte === quote) at = endOfString(body, at) - 1;
    else if (byte === openBrace || byte === openBracket) depth++;
    else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return at + 1;
  }
  throw notAnObject();
}

/** A number, `true`, `false` or `null`. */
function endOfWord(body: Uint8Array, start: number): number {
  let at = start;
  while (at < body.length && isWordByte(body[at]!)) at++;
  if (at === start) throw notAnObject();
  return at;
}

function isWordByte(byte: number): boolean {
  return byte > 0x20 && byte !== comma && byte !== closeBrace && byte !== closeBracket && byte !== quote;
}

function hasByteOrderMark(body: Uint8Array): boolean {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
}

function notAnObject(cause?: unknown): GatewayError {
  return new GatewayError("invalid-request", "Cannot read the request: its body is not a valid JSON object", { cause });
}
