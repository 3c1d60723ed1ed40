// The answer to one HTTP/1.1 request, from bytes in any pieces: head, then the body as pieces of the chunks. Knows the
// grammar and its limits, and nothing of sockets. Forms that two readers could read differently are refused.
// @see https://www.rfc-editor.org/rfc/rfc9112

import { type BodyReader, createBodyReader } from "./http1-body.ts";
import { Http1Error } from "./http1-error.ts";
import { Http1Headers } from "./http1-headers.ts";

export interface Http1Sink {
  /** Called once, before any body. Interim answers (1xx) are skipped. */
  head(status: number, headers: Http1Headers): void;
  /** A copy, or a view into the fed chunk, to which nobody writes again: it may be kept. */
  body(bytes: Uint8Array): void;
  /** The answer is whole. `reusable`: the connection may carry another request. */
  complete(reusable: boolean): void;
}

export interface Http1ReaderOptions {
  readonly method: string;
  /** All header lines together, in bytes. @defaultValue 65_536 */
  readonly maxHeadBytes?: number;
}

const carriageReturn = 13;
const lineFeed = 10;
const defaultMaxHeadBytes = 65_536;
const maxHeaders = 256;
const nothing = new Uint8Array(0);
const latin1 = new TextDecoder("latin1");
const statusPattern = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])(?: .*)?$/;
const listPattern = /[ \t]*,[ \t]*/;
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const badValuePattern = /[\u0000-\u0008\u000a-\u001f\u007f]/;

export class Http1Reader {
  readonly #sink: Http1Sink;
  readonly #method: string;
  readonly #maxHeadBytes: number;
  #head: Uint8Array = nothing;
  #body: BodyReader | undefined;
  #isComplete = false;
  #mayReuse = false;

  constructor(sink: Http1Sink, options: Http1ReaderOptions) {
    this.#sink = sink;
    this.#method = options.method;
    this.#maxHeadBytes = options.maxHeadBytes ?? defaultMaxHeadBytes;
  }

  /** Nothing of the answer has come yet: on a kept connection the request may be sent once more. */
  get isUntouched(): boolean {
    return this.#body === undefined && this.#head.length === 0;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** @throws {Http1Error} when the bytes are no answer, or one that could be read in two ways */
  feed(bytes: Uint8Array): void {
    if (this.#isComplete) {
      // Nobody asked for it: whatever it is, the connection cannot be trusted any more.
      this.#mayReuse = false;
      return;
    }
    if (this.#body !== undefined) return this.#feedBody(this.#body, bytes);
    this.#feedHead(bytes);
  }

  /** The peer closed its side. @throws {Http1Error} when the answer is not whole */
  end(): void {
    if (this.#isComplete) return;
    if (this.#body === undefined) throw new Http1Error("the connection was closed before an answer came");
    this.#body.end();
    this.#finish(false);
  }

  #feedHead(bytes: Uint8Array): void {
    const joined = this.#head.length === 0 ? bytes : concat(this.#head, bytes);
    const end = endOfHead(joined, Math.max(0, this.#head.length - 3));
    if ((end < 0 ? joined.length : end) > this.#maxHeadBytes)
      throw new Http1Error("the head of the answer is too long");
    if (end < 0) {
      this.#head = joined;
      return;
    }
    const rest = joined.subarray(end);
    this.#head = nothing;
    const { status, version, headers } = parseHead(joined.subarray(0, end));
    if (status === 101) throw new Http1Error("the answer changes the protocol");
    if (status < 200) {
      if (rest.length > 0) this.#feedHead(rest);
      return;
    }
    this.#body = createBodyReader(this.#method, status, headers);
    this.#mayReuse = this.#body.isDelimited && keepsAlive(version, headers);
    this.#sink.head(status, headers);
    this.#feedBody(this.#body, rest);
  }

  #feedBody(body: BodyReader, bytes: Uint8Array): void {
    const used = body.feed(bytes, this.#sink);
    if (body.isComplete) this.#finish(this.#mayReuse && used === bytes.length);
  }

  #finish(reusable: boolean): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    this.#sink.complete(reusable);
  }
}

/** Index behind the blank line that ends the head; negative when it has not come. Line ends are CRLF, or LF alone. */
function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(lineFeed, from); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
    if (bytes[at + 1] === lineFeed) return at + 2;
    if (bytes[at + 1] === carriageReturn && bytes[at + 2] === lineFeed) return at + 3;
  }
  return -1;
}

interface Head {
  readonly status: number;
  /** Minor version of HTTP/1. */
  readonly version: number;
  readonly headers: Http1Headers;
}

function parseHead(bytes: Uint8Array): Head {
  const text = latin1.decode(bytes);
  let end = text.indexOf("\n");
  const match = statusPattern.exec(text.slice(0, lineEnd(text, 0, end)));
  if (match === null) throw new Http1Error("the answer does not begin like HTTP");
  const headers = new Http1Headers();
  let count = 0;
  for (let start = end + 1; start < text.length; start = end + 1) {
    end = text.indexOf("\n", start);
    const line = text.slice(start, lineEnd(text, start, end));
    if (line === "") continue;
    if (++count > maxHeaders) throw new Http1Error("the answer has too many headers");
    appendField(headers, line);
  }
  return { status: Number(match[2]), version: Number(match[1]), headers };
}

/** Where a line ends without its line end. */
function lineEnd(text: string, start: number, lineFeedAt: number): number {
  return lineFeedAt > start && text[lineFeedAt - 1] === "\r" ? lineFeedAt - 1 : lineFeedAt;
}

function appendField(headers: Http1Headers, field: string): void {
  const colon = field.indexOf(":");
  const name = field.slice(0, colon).toLowerCase();
  // Also what begins with white space: a folded line, which old readers join and new ones do not.
  if (colon < 0 || !tokenPattern.test(name)) throw new Http1Error("the answer has a malformed header");
  const value = trimmed(field, colon + 1);
  if (badValuePattern.test(value)) throw new Http1Error("the answer has a malformed header");
  const known = name === "content-length" ? headers.get(name) : null;
  if (known !== null && known !== value) throw new Http1Error("the answer tells two lengths");
  if (known === null) headers.append(name, value);
}

/** Without the white space around it: spaces and tabs, and nothing else. */
function trimmed(field: string, from: number): string {
  let start = from;
  let end = field.length;
  while (isBlank(field.charCodeAt(start))) start++;
  while (end > start && isBlank(field.charCodeAt(end - 1))) end--;
  return field.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function keepsAlive(version: number, headers: Http1Headers): boolean {
  const connection = headers.get("connection");
  if (connection === null) return version === 1;
  const options = connection.toLowerCase().split(listPattern);
  if (options.includes("close")) return false;
  return version === 1 || options.includes("keep-alive");
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
