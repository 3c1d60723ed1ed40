// Bytes to events. Knows the grammar of server-sent events and nothing about chat.

import { GatewayError } from "../contract/gateway-error.ts";
import { ByteCarry } from "./byte-carry.ts";
import { defaultMaxLineBytes, type LineSink, LineSplitter, type LineSplitterOptions } from "./line-splitter.ts";

/** One object serves all events of a decoder: it and its bytes are valid only during the call that delivers it. */
export interface SseEvent {
  /** "message" when the stream names none. */
  readonly type: string;
  /** Holds the joined data lines from `start` to before `end`. The chunk itself when the event is one data line: the normal case. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The same as a view of its own, made on demand. */
  readonly data: Uint8Array;
  /** The last id that the stream has told so far; "" before the first. */
  readonly id: string;
}

/** Must not feed the decoder that calls it. An exception passes through `feed` and ends the decoder. */
export interface SseSink {
  event(event: SseEvent): void;
  /** What stands behind the colon, a leading space included. A view, valid during the call. */
  comment?(text: Uint8Array): void;
  retry?(delayMs: number): void;
  /** A line of a field that the standard does not know, without its end. A view, valid during the call. */
  unknownLine?(line: Uint8Array): void;
}

/** `maxLineBytes` bounds the joined data of an event, too. */
export type SseDecoderOptions = LineSplitterOptions;

export interface SseDecoder {
  /**
   * Delivers what the chunk completes before it returns; the chunk is the caller's again afterwards.
   * @throws {GatewayError} `upstream-failed`, once, when a line or an event's data is longer than `maxLineBytes`; later
   * calls do nothing.
   */
  feed(chunk: Uint8Array): void;
  /** The stream ended. Also delivers a last event that has no blank line behind it, which the standard would drop. */
  end(): void;
  /** Bytes kept for an unfinished line or event. */
  readonly pendingBytes: number;
  /** Bytes ever copied because a line or an event was cut by the end of a chunk, or had several data lines. */
  readonly copiedBytes: number;
  /**
   * Offset into the last chunk just behind its last blank line: bytes before it are whole events. 0: it has none.
   * A CRLF cut by the end of the chunk counts as ended with its CR.
   */
  readonly boundary: number;
}

/** @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
export function createSseDecoder(sink: SseSink, options: SseDecoderOptions = {}): SseDecoder {
  return new Decoder(sink, options);
}

const colon = 58;
const space = 32;
const nothing = new Uint8Array(0);
const dataSeparator = Uint8Array.of(10);
// A byte order mark in the middle of a stream is text.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

class Decoder implements SseDecoder, LineSink {
  boundary = 0;
  private readonly sink: SseSink;
  private readonly lines: LineSplitter;
  private readonly maxDataBytes: number;
  private readonly event = new EventView();
  private readonly joinedData = new ByteCarry();
  private hasData = false;
  /** The one data line of the event so far stands in `event` and is not copied yet. */
  private isInChunk = false;
  private eventType = "";
  private atStart = true;
  private failed = false;

  constructor(sink: SseSink, options: SseDecoderOptions) {
    this.sink = sink;
    this.lines = new LineSplitter(this, options);
    this.maxDataBytes = options.maxLineBytes ?? defaultMaxLineBytes;
  }

  get pendingBytes(): number {
    return this.lines.pendingBytes + this.joinedData.length;
  }

  get copiedBytes(): number {
    return this.lines.copiedBytes + this.joinedData.copiedBytes;
  }

  feed(chunk: Uint8Array): void {
    if (this.failed) return;
    this.boundary = 0;
    try {
      this.lines.feed(chunk);
    } catch (error) {
      this.fail(error);
    }
  }

  end(): void {
    if (this.failed) return;
    try {
      this.lines.end();
      this.dispatch();
    } catch (error) {
      this.fail(error);
    }
  }

  line(bytes: Uint8Array, lineStart: number, end: number): void {
    let start = lineStart;
    if (this.atStart) {
      this.atStart = false;
      if (startsWithByteOrderMark(bytes, start, end)) start += 3;
    }
    if (start === end) {
      this.boundary = this.lines.offset;
      this.dispatch();
    } else if (isDataField(bytes, start, end)) {
      this.addData(bytes, valueStart(bytes, start + 4, end), end);
    } else if (bytes[start] === colon) {
      this.sink.comment?.(bytes.subarray(start + 1, end));
    } else {
      this.otherField(bytes.subarray(start, end));
    }
  }

  release(): void {
    if (!this.isInChunk) return;
    const { event } = this;
    this.joinedData.append(event.bytes, event.start, event.end);
    event.bytes = nothing;
    this.isInChunk = false;
  }

  private addData(bytes: Uint8Array, start: number, end: number): void {
    if (!this.hasData) {
      this.hasData = true;
      this.isInChunk = true;
      this.event.set(bytes, start, end);
      return;
    }
    this.release();
    if (this.joinedData.length + end - start >= this.maxDataBytes) {
      throw new GatewayError(
        "upstream-failed",
        `Cannot read event stream: the data of an event is longer than ${this.maxDataBytes} bytes`,
      );
    }
    this.joinedData.append(dataSeparator, 0, dataSeparator.length);
    this.joinedData.append(bytes, start, end);
  }

  /** Everything but data is rare and short, so that it may be decoded. */
  private otherField(line: Uint8Array): void {
    const nameEnd = line.indexOf(colon);
    const name = decoder.decode(nameEnd === -1 ? line : line.subarray(0, nameEnd));
    if (name !== "event" && name !== "id" && name !== "retry") return this.sink.unknownLine?.(line);
    const value = nameEnd === -1 ? "" : decoder.decode(line.subarray(valueStart(line, nameEnd, line.length)));
    if (name === "event") this.eventType = value;
    else if (name === "id") {
      if (!value.includes("\0")) this.event.id = value;
    } else if (/^[0-9]{1,15}$/.test(value)) this.sink.retry?.(Number(value));
  }

  private dispatch(): void {
    const { event } = this;
    if (this.hasData) {
      event.type = this.eventType === "" ? "message" : this.eventType;
      if (!this.isInChunk) {
        const joined = this.joinedData.take();
        event.set(joined, 0, joined.length);
      }
      this.hasData = false;
      this.isInChunk = false;
      this.eventType = "";
      this.sink.event(event);
      event.bytes = nothing;
    } else {
      this.eventType = "";
    }
  }

  private fail(error: unknown): never {
    this.failed = true;
    this.joinedData.clear();
    this.event.bytes = nothing;
    this.hasData = false;
    this.isInChunk = false;
    throw error;
  }
}

/** Plain fields: hot readers take the bytes by their offsets. */
class EventView implements SseEvent {
  type = "message";
  bytes: Uint8Array = nothing;
  start = 0;
  end = 0;
  id = "";

  get data(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }
}

function startsWithByteOrderMark(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 3 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
}

/** `data` alone or followed by a colon, compared byte by byte: this is asked for each line of a stream. */
function isDataField(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start >= 4 &&
    bytes[start] === 100 &&
    bytes[start + 1] === 97 &&
    bytes[start + 2] === 116 &&
    bytes[start + 3] === 97 &&
    (end - start === 4 || bytes[start + 4] === colon)
  );
}

/** Behind the colon at `nameEnd` and the one space that may follow it; the end of a line that has no colon. */
function valueStart(bytes: Uint8Array, nameEnd: number, end: number): number {
  if (nameEnd >= end) return end;
  return nameEnd + 1 < end && bytes[nameEnd + 1] === space ? nameEnd + 2 : nameEnd + 1;
}
