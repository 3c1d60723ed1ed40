// A received request body with single fields changed: the bytes in between go out as they came.

import { stringifyExact } from "../../../contract/exact-json.ts";
import { closingQuote, isSpace, skipSpace } from "../../../contract/json-bytes.ts";
import type { JsonObject } from "../../../contract/json.ts";
import { knownEndOf } from "../../../conversation/parse-body.ts";
import type { Body } from "../dialect.ts";

/** Where a field stands: from the quote of its key to behind its value. */
interface Span {
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/**
 * @param received a JSON object that was parsed before
 * @param written the same, parsed
 * @param wanted all fields that go out, but for `messages`, which stay as they are
 * @returns the pieces of the new body; undefined when the bytes do not show plainly where a field stands
 */
export function spliceBody(received: Uint8Array, written: JsonObject, wanted: Body): Uint8Array[] | undefined {
  const fields = findFields(received);
  if (fields === undefined || !fields.has("messages")) return undefined;
  const pieces = new Pieces(received);
  pieces.keep(0, received.indexOf(openBrace) + 1);
  for (const name of Object.keys(wanted)) {
    // `messages` follows in any case, so that a comma may stand behind each.
    if (!fields.has(name)) pieces.write(`${JSON.stringify(name)}:${stringifyExact(wanted[name])},`);
  }
  let isFirst = true;
  for (const [name, { start, valueStart, end }] of fields) {
    const isMessages = name === "messages";
    if (!isMessages && !Object.hasOwn(wanted, name)) continue;
    if (!isFirst) pieces.separate();
    isFirst = false;
    if (isMessages || Bun.deepEquals(written[name], wanted[name], true)) pieces.keep(start, end);
    else pieces.replace(start, valueStart, end, stringifyExact(wanted[name]));
  }
  pieces.write("}");
  return pieces.take();
}

/** Of a body: what stands next to each other in it stays one piece. */
class Pieces {
  readonly #body: Uint8Array;
  readonly #list: Uint8Array[] = [];
  #start = 0;
  #end = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  keep(start: number, end: number): void {
    if (skipSpace(this.#body, this.#end) !== start) {
      this.#flush();
      this.#start = start;
    }
    this.#end = end;
  }

  replace(start: number, valueStart: number, end: number, value: string): void {
    this.keep(start, valueStart);
    this.write(value);
    this.#start = end;
    this.#end = end;
  }

  separate(): void {
    const at = skipSpace(this.#body, this.#end);
    if (this.#body[at] === comma) this.#end = at + 1;
    else this.write(",");
  }

  write(text: string): void {
    this.#flush();
    this.#list.push(Buffer.from(text));
  }

  take(): Uint8Array[] {
    this.#flush();
    return this.#list;
  }

  #flush(): void {
    if (this.#end > this.#start) this.#list.push(this.#body.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}

/** A name is what its bytes say, a byte order mark at its beginning included. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** In their order. Undefined: a name is written with escapes, or stands there twice. */
function findFields(body: Uint8Array): Map<string, Span> | undefined {
  const fields = new Map<string, Span>();
  let at = skipSpace(body, 0);
  if (body[at] !== openBrace) return undefined;
  for (;;) {
    const start = skipSpace(body, at + 1);
    if (body[start] !== quote) return undefined;
    const keyEnd = endOfString(body, start);
    const name = decoder.decode(body.subarray(start + 1, keyEnd - 1));
    if (name.includes("\\") || fields.has(name)) return undefined;
    const valueStart = skipSpace(body, skipColon(body, keyEnd));
    const end = knownEndOf(body, valueStart) ?? endOfValue(body, valueStart);
    fields.set(name, { start, valueStart, end });
    at = skipSpace(body, end);
    if (body[at] === closeBrace) return fields;
    if (body[at] !== comma) return undefined;
  }
}

function skipColon(body: Uint8Array, from: number): number {
  const at = skipSpace(body, from);
  return body[at] === colon ? at + 1 : at;
}

/** Behind the closing quote. */
function endOfString(body: Uint8Array, start: number): number {
  const end = closingQuote(body, start + 1);
  return end < 0 ? body.length : end + 1;
}

function endOfValue(body: Uint8Array, start: number): number {
  let depth = 0;
  for (let at = start; at < body.length;) {
    const byte = body[at];
    // `{` and `[`, `}` and `]` differ in one bit: brackets match, since it was parsed before.
    const bracket = byte === undefined ? 0 : byte | 0x20;
    if (byte === quote) {
      at = endOfString(body, at);
    } else if (bracket === openBrace || bracket === closeBrace) {
      if (bracket === closeBrace && depth === 0) return at;
      depth += bracket === openBrace ? 1 : -1;
      at++;
    } else {
      if (depth === 0 && (byte === comma || isSpace(byte))) return at;
      at++;
      continue;
    }
    if (depth === 0) return at;
  }
  return body.length;
}
