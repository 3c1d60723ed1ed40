// A request body to JSON values. The long texts of its messages stay bytes: as strings they would be decoded, copied,
// collapsed and escaped anew, at 2 bytes a character once there is one letter that is not Latin.

import { isUtf8 } from "node:buffer";
import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject } from "../contract/json.ts";
import { LongText } from "./long-text.ts";

/** Texts of fewer bytes are cheaper as strings. */
const minTextBytes = 512;
/** Smaller bodies are not searched for them. */
const minBodyBytes = 4096;
/** What is nested deeper could be parsed, but not written again: `JSON.stringify` needs more stack (from 30,000 on). */
const maxDepth = 1000;

/**
 * @returns the value that `JSON.parse` would give, but with a `LongText` where a message's `content`, or the `text` of one
 * of its parts, is a long string
 * @throws when it is no valid JSON in UTF-8; {GatewayError} `invalid-request` when it is nested too deep
 */
export function parseBody(body: Uint8Array): unknown {
  if (body.length < minBodyBytes || !isUtf8(body)) return JSON.parse(decoder.decode(body));
  const texts = findTexts(body);
  if (texts.length === 0) return JSON.parse(decoder.decode(body));
  // Nobody can guess what stands for the texts while the rest is parsed.
  const mark = crypto.randomUUID();
  return replaceMarks(JSON.parse(decoder.decode(withMarks(body, texts, mark))), texts, mark);
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

function withMarks(body: Uint8Array, texts: readonly LongText[], mark: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  let end = 0;
  for (const [index, { json }] of texts.entries()) {
    const start = json.byteOffset - body.byteOffset;
    pieces.push(body.subarray(end, start), Buffer.from(`${mark}${index}`));
    end = start + json.length;
  }
  pieces.push(body.subarray(end));
  return Buffer.concat(pieces);
}

/** The value is fresh out of `JSON.parse` and nobody else's yet. */
function replaceMarks(value: unknown, texts: readonly LongText[], mark: string): unknown {
  const replace = (object: unknown, field: "content" | "text"): void => {
    if (!isJsonObject(object)) return;
    const text = object[field];
    if (Array.isArray(text) && field === "content") for (const part of text) replace(part, "text");
    if (typeof text !== "string" || !text.startsWith(mark)) return;
    (object as Record<string, unknown>)[field] = texts[Number(text.slice(mark.length))];
  };
  const messages = isJsonObject(value) ? value["messages"] : undefined;
  if (Array.isArray(messages)) for (const message of messages) replace(message, "content");
  return value;
}

const quote = 0x22;
const backslash = 0x5c;
/** 1 for what may stand in a JSON string as it is; nothing that is looked up beyond the end is. */
const plain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === quote || byte === backslash ? 0 : 1,
);

/**
 * By depth alone, without a look at which bracket it is: what is no chat request is refused soon enough.
 * @returns nothing for what is no valid JSON as well: `JSON.parse` says why
 */
function findTexts(body: Uint8Array): LongText[] {
  const texts: LongText[] = [];
  let depth = 0;
  let isInMessages = false;
  let isInContent = false;
  let isText = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw nestedTooDeep();
    } else if (byte === 0x7d || byte === 0x5d) depth--;
    if (byte !== quote) continue;
    const start = at + 1;
    at = endOfString(body, start);
    if (at < 0) return [];
    if (isKey(body, at)) {
      if (depth === 1) isInMessages = equals(body, start, at, keys.messages);
      else if (depth === 3) isInContent = equals(body, start, at, keys.content);
      else if (depth === 5) isText = equals(body, start, at, keys.text);
    } else if (at - start >= minTextBytes && isInMessages && isInContent && (depth === 3 || (depth === 5 && isText))) {
      texts.push(new LongText(body.subarray(start, at)));
    }
  }
  return texts;
}

function nestedTooDeep(): GatewayError {
  return new GatewayError(
    "invalid-request",
    `Cannot read the request: its body is nested deeper than ${maxDepth} objects and arrays`,
  );
}

/** @returns the index of the closing quote; -1 when the string is not valid. 0.5 ns a byte */
function endOfString(body: Uint8Array, start: number): number {
  for (let at = start; ;) {
    while (plain[body[at]!] === 1) at++;
    const byte = body[at];
    if (byte === quote) return at;
    if (byte !== backslash) return -1;
    const length = escapeLength(body, at);
    if (length === 0) return -1;
    at += length;
  }
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

const keys = {
  messages: Buffer.from("messages"),
  content: Buffer.from("content"),
  text: Buffer.from("text"),
};

function isKey(body: Uint8Array, closingQuote: number): boolean {
  let at = closingQuote + 1;
  while (body[at] === 0x20 || body[at] === 0x0a || body[at] === 0x0d || body[at] === 0x09) at++;
  return body[at] === 0x3a;
}

function equals(body: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  if (end - start !== key.length) return false;
  for (let index = 0; index < key.length; index++) if (body[start + index] !== key[index]) return false;
  return true;
}
