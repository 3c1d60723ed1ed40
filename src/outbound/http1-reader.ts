// The answer to one HTTP/1.1 request, from bytes in any pieces: head, then the body as pieces of the chunks. Knows the
// grammar and its limits, and nothing of sockets. Forms that two readers could read differently are refused.
// @see https://www.rfc-editor.org/rfc/rfc9112

import { type BodyReader, createBodyReader } from "./http1-body.ts";
import { Http1Error } from "./http1-error.ts";
import { Http1Headers } from "./http1-headers.ts";

export interface Http1Sink {
  /** Called once, before any body. Interim answers (1xx) are skipped. */
  head(status: number, headers: Http1Headers): void;
  /** The fed chunk, a view into it or a copy, to which nobody writes again: it may be kept. */
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
const statusPattern = /^HTTP\/1\.[01] [1-5][0-9][0-9](?: .*)?$/;
const listPattern = /[ \t]*,[ \t]*/;
/**
 * All fields and the blank line behind them: names that are tokens up to the colon, values without control characters.
 * No field begins with white space: old readers join such a line to the one before and new ones do not. One test for all
 * of them, which costs less than one for each.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const fieldsPattern = /(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\u0000-\u0008\u000a-\u001f\u007f]*\r?\n)*\r?\n$/y;

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

  /**
   * @param bytes the reader's from here on: it moves them
   * @throws {Http1Error} when they are no answer, or one that could be read in two ways
   */
  feed(bytes: Uint8Array): void {
    if (this.#isComplete) {
      // Nobody asked for it: whatever it is, the connection cannot be trusted any more.
      this.#mayReuse = false;
      return;
    }
    if (this.#body !== undefined) return this.#feedBody(this.#body, bytes, 0);
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
    this.#head = nothing;
    const { status, version, headers } = parseHead(joined, end);
    if (status === 101) throw new Http1Error("the answer changes the protocol");
    if (status < 200) {
      if (end < joined.length) this.#feedHead(joined.subarray(end));
      return;
    }
    this.#body = createBodyReader(this.#method, status, headers);
    this.#mayReuse = this.#body.isDelimited && keepsAlive(version, headers);
    this.#sink.head(status, headers);
    this.#feedBody(this.#body, joined, end);
  }

  #feedBody(body: BodyReader, bytes: Uint8Array, from: number): void {
    const end = body.feed(bytes, from, this.#sink);
    if (body.isComplete) this.#finish(this.#mayReuse && end === bytes.length);
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

/** @param headEnd index behind the blank line */
function parseHead(bytes: Uint8Array, headEnd: number): Head {
  const text = decodeLatin1.call(bytes, "latin1", 0, headEnd);
  const statusEnd = text.indexOf("\n");
  const statusLine = text.slice(0, lineEnd(text, 0, statusEnd));
  if (!statusPattern.test(statusLine)) throw new Http1Error("the answer does not begin like HTTP");
  fieldsPattern.lastIndex = statusEnd + 1;
  if (!fieldsPattern.test(text)) throw new Http1Error("the answer has a malformed header");
  return {
    status: Number(statusLine.slice(9, 12)),
    version: Number(statusLine[7]),
    headers: readFields(text, statusEnd + 1),
  };
}

/** Works on every byte array, and without a view on it. */
const decodeLatin1 = Buffer.prototype.toString;

/** @param text well-formed from `from` on, where the fields begin */
function readFields(text: string, from: number): Http1Headers {
  const headers = new Http1Headers(text);
  let count = 0;
  let length: string | null = null;
  let end: number;
  for (let start = from; start < text.length; start = end + 1) {
    end = text.indexOf("\n", start);
    const fieldEnd = lineEnd(text, start, end);
    if (fieldEnd === start) continue;
    if (++count > maxHeaders) throw new Http1Error("the answer has too many headers");
    const colon = text.indexOf(":", start);
    let valueStart = colon + 1;
    let valueEnd = fieldEnd;
    // Spaces and tabs, and nothing else.
    while (isBlank(text.charCodeAt(valueStart))) valueStart++;
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--;
    const isLength = colon - start === lengthName.length && text.slice(start, colon).toLowerCase() === lengthName;
    if (isLength) {
      const value = text.slice(valueStart, valueEnd);
      if (length !== null && length !== value) throw new Http1Error("the answer tells two lengths");
      if (length !== null) continue;
      length = value;
    }
    headers.append(start, colon, valueStart, valueEnd);
  }
  return headers;
}

const lengthName = "content-length";

/** Where a line ends without its line end. */
function lineEnd(text: string, start: number, lineFeedAt: number): number {
  return lineFeedAt > start && text.charCodeAt(lineFeedAt - 1) === carriageReturn ? lineFeedAt - 1 : lineFeedAt;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function keepsAlive(version: number, headers: Http1Headers): boolean {
  const connection = headers.get("connection");
  if (connection === null) return version === 1;
  if (connection === "keep-alive") return true;
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
