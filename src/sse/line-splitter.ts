// Bytes to lines. Knows the line ends of an event stream (LF, CRLF, CR) and nothing about what stands in a line.

import { GatewayError } from "../contract/gateway-error.ts";
import { ByteCarry } from "./byte-carry.ts";

export interface LineSink {
  /** One line without its end: `bytes` from `start` to before `end`. Those bytes stay as they are until `release`. */
  line(bytes: Uint8Array, start: number, end: number): void;
  /** All lines of the chunk have been delivered: whoever still needs their bytes copies them now. */
  release?(): void;
}

export interface LineSplitterOptions {
  /**
   * Longest line in bytes, its end not counted. A longer one fails the stream; nothing of it is kept.
   * @defaultValue 16_777_216
   */
  readonly maxLineBytes?: number;
}

export const defaultMaxLineBytes = 16_777_216;

const lineFeed = 10;
const carriageReturn = 13;

/**
 * Delivers each line as soon as its end has arrived and keeps only the unfinished one. An exception of the sink passes
 * through `feed` and leaves the rest of the chunk undelivered: the splitter is of no use afterwards.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export class LineSplitter {
  /** Offset into the chunk being fed, just behind the end of the line being delivered. */
  offset = 0;
  private readonly sink: LineSink;
  private readonly maxLineBytes: number;
  private readonly carry = new ByteCarry();
  /** A CR ended the last chunk: an LF at the start of the next one belongs to it. */
  private skipLineFeed = false;
  private failed = false;

  constructor(sink: LineSink, options: LineSplitterOptions = {}) {
    this.sink = sink;
    this.maxLineBytes = options.maxLineBytes ?? defaultMaxLineBytes;
  }

  get pendingBytes(): number {
    return this.carry.length;
  }

  get copiedBytes(): number {
    return this.carry.copiedBytes;
  }

  /** @throws {GatewayError} `upstream-failed`, once, when a line is longer than `maxLineBytes`; later calls do nothing. */
  feed(chunk: Uint8Array): void {
    if (this.failed || chunk.length === 0) return;
    let start = this.skipLineFeed && chunk[0] === lineFeed ? 1 : 0;
    this.skipLineFeed = false;
    // Each search starts behind the last hit of its own kind, so that a chunk is scanned once for LF and once for CR.
    let nextFeed = chunk.indexOf(lineFeed, start);
    let nextReturn = chunk.indexOf(carriageReturn, start);
    while (nextFeed !== -1 || nextReturn !== -1) {
      if (nextReturn === -1 || (nextFeed !== -1 && nextFeed < nextReturn)) {
        this.offset = nextFeed + 1;
        this.deliver(chunk, start, nextFeed);
        nextFeed = chunk.indexOf(lineFeed, this.offset);
      } else {
        this.offset = nextReturn + 1;
        this.skipLineFeed = this.offset === chunk.length;
        if (nextFeed === this.offset) this.offset += 1;
        this.deliver(chunk, start, nextReturn);
        nextReturn = chunk.indexOf(carriageReturn, this.offset);
        if (nextFeed !== -1 && nextFeed < this.offset) nextFeed = chunk.indexOf(lineFeed, this.offset);
      }
      start = this.offset;
    }
    this.sink.release?.();
    if (start < chunk.length) this.keep(chunk, start);
  }

  /** The stream ended: what has no line end is a line all the same. */
  end(): void {
    this.skipLineFeed = false;
    this.offset = 0;
    if (this.carry.length === 0) return;
    const line = this.carry.take();
    this.sink.line(line, 0, line.length);
    this.sink.release?.();
  }

  private deliver(chunk: Uint8Array, start: number, end: number): void {
    if (this.carry.length + end - start > this.maxLineBytes) this.fail();
    if (this.carry.length === 0) {
      this.sink.line(chunk, start, end);
      return;
    }
    this.carry.append(chunk, start, end);
    const line = this.carry.take();
    this.sink.line(line, 0, line.length);
  }

  private keep(chunk: Uint8Array, start: number): void {
    if (this.carry.length + chunk.length - start > this.maxLineBytes) this.fail();
    this.carry.append(chunk, start, chunk.length);
  }

  private fail(): never {
    this.failed = true;
    this.carry.clear();
    throw new GatewayError(
      "upstream-failed",
      `Cannot read event stream: a line is longer than ${this.maxLineBytes} bytes`,
    );
  }
}
