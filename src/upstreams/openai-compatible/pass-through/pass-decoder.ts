// The pass-through lane: the bytes of an event stream are passed on up to its last whole event, and watched. What most
// events are, a delta of a shape that is known, is seen by comparing bytes, with no parsing, view or copy; what becomes
// of all others, pass-reader.ts says. Hot.

import { GatewayError } from "../../../contract/gateway-error.ts";
import type { PassedFrames } from "../../../contract/events.ts";
import type { EventDecoder } from "../../../contract/upstream.ts";
import { ByteCarry } from "../../../sse/byte-carry.ts";
import { defaultMaxLineBytes } from "../../../sse/line-splitter.ts";
import { dataFrame, EventBoundary, type EventFrame, readFrame } from "../reply/event-frames.ts";
import { KnownShape } from "./known-shape.ts";
import { type PassOptions, PassReader } from "./pass-reader.ts";
import type { Emit } from "../reply/reply-reader.ts";

export interface PassDecoderOptions extends PassOptions {
  readonly maxLineBytes?: number;
}

/** A stream whose chunks never repeat their shape (log probabilities, say) is not learnt for ever. */
const maxUselessShapes = 16;
/** So much that says nothing is enough: it is passed on without waiting for the first word. */
const maxQuietBytes = 64 * 1024;
const encoder = new TextEncoder();

class Frames implements PassedFrames {
  readonly type = "frames";
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  isSemantic = false;
}

/** One for all: it is valid only while it is emitted. */
const frames = new Frames();

/** A class and not closures: a thousand open streams hold a thousand of them. */
export class PassDecoder implements EventDecoder {
  readonly reader: PassReader;
  readonly #options: PassDecoderOptions;
  readonly #boundary = new EventBoundary();
  /** The beginning of an event whose end has not come. */
  #tail: ByteCarry | undefined;
  #shape: KnownShape | undefined;
  #uselessShapes = 0;
  #toldStatus: number | undefined;
  /** What is to be passed on next begins here. */
  #runStart = 0;
  /** Some event since then said something. */
  #isSemantic = false;
  #quietBytes = 0;
  /** Something was said, and is no longer held back. */
  #hasBegun = false;

  constructor(options: PassDecoderOptions) {
    this.#options = options;
    this.reader = new PassReader(options);
  }

  get pendingBytes(): number {
    return this.#tail?.length ?? 0;
  }

  feed(chunk: Uint8Array, emit: Emit): void {
    if (this.reader.hasEnded) return;
    let start = 0;
    const tail = this.#tail;
    if (tail !== undefined && tail.length > 0) {
      start = this.#boundary.find(chunk, 0);
      this.#keep(tail, chunk, 0, start < 0 ? chunk.length : start);
      if (start < 0) return;
      // The carry is used again, and what is passed on may be kept.
      this.#read(tail.take().slice(), 0, emit);
    }
    const end = this.reader.hasEnded ? chunk.length : this.#read(chunk, start, emit);
    if (end === chunk.length) return;
    this.#tail ??= new ByteCarry();
    this.#keep(this.#tail, chunk, end, chunk.length);
  }

  end(emit: Emit): void {
    if (this.reader.hasEnded) return;
    const last = this.#tail?.take();
    // What has no blank line behind it is an event all the same.
    if (last !== undefined && last.length > 0) {
      const whole = new Uint8Array(last.length + 2).fill(lineFeed);
      whole.set(last);
      this.#boundary.begin();
      this.#read(whole, 0, emit);
    }
    if (this.reader.hasEnded) return;
    this.#emitText(this.reader.end(), emit);
    this.#tellEnding(emit);
  }

  /** @returns behind the last whole event */
  #read(bytes: Uint8Array, from: number, emit: Emit): number {
    this.#runStart = from;
    let at = from;
    while (at < bytes.length && !this.reader.hasEnded) {
      const known = this.#shape === undefined ? -1 : this.#pass(this.#shape, bytes, at, emit);
      if (known > 0) {
        at = known;
        continue;
      }
      this.#boundary.begin();
      const end = this.#boundary.find(bytes, at);
      if (end < 0) break;
      this.#readEvent(bytes, at, end, emit);
      at = end;
    }
    this.#flush(bytes, at, emit);
    this.#shape?.release();
    return this.reader.hasEnded ? bytes.length : at;
  }

  /** @returns behind the event; negative when it has to be looked at closer */
  #pass(shape: KnownShape, bytes: Uint8Array, at: number, emit: Emit): number {
    const end = shape.match(bytes, at);
    if (end < 0 || !this.reader.text.passes(shape.kind, shape.text)) return -1;
    const textBytes = shape.text.end - shape.text.start - 2;
    if (textBytes > 0) this.#isSemantic = true;
    this.reader.saidBytes += textBytes;
    this.#uselessShapes = 0;
    for (const patch of shape.patches) {
      const patchStart = shape.placeOf(patch, at, end);
      this.#flush(bytes, patchStart, emit);
      this.#emit(patch.bytes, 0, patch.bytes.length, emit);
      this.#runStart = patchStart + patch.length;
    }
    return end;
  }

  #readEvent(bytes: Uint8Array, start: number, end: number, emit: Emit): void {
    const frame = readFrame(bytes, start, end);
    this.#toldStatus = frame.status ?? this.#toldStatus;
    if (frame.stray.length > 0) this.#readStray(frame, bytes, start, emit);
    // Comments in front of the first word would be kept for it, any number of them, and nobody waits for them.
    const isEarly = bytes[start] === colon && !this.#hasBegun && !this.#isSemantic;
    const instead = isEarly && frame.data === undefined ? "" : this.#insteadOf(frame);
    if (instead === undefined) {
      this.#isSemantic ||= frame.data !== undefined && this.reader.isSemantic;
    } else {
      this.#flush(bytes, start, emit);
      this.#runStart = end;
      this.#emitText(instead, emit);
    }
    if (frame.data === undefined) return;
    this.#learn(bytes, start, end);
    this.#tellEnding(emit);
  }

  #readStray({ stray }: EventFrame, bytes: Uint8Array, start: number, emit: Emit): void {
    this.#flush(bytes, start, emit);
    for (const { text, isError } of stray) {
      if (this.reader.hasEnded) return;
      this.#emitText(this.reader.read(text, isError, this.#toldStatus) ?? dataFrame(text), emit);
      this.#tellEnding(emit);
    }
  }

  /** What goes out in the place of an event that is not known by its shape. Undefined: it does itself. */
  #insteadOf({ data, type, isClean }: EventFrame): string | undefined {
    if (data === undefined) return isClean ? undefined : "";
    if (this.reader.hasEnded) return "";
    const instead = this.reader.read(data, type === "error", this.#toldStatus);
    return instead ?? (isClean ? undefined : dataFrame(data));
  }

  #learn(bytes: Uint8Array, start: number, end: number): void {
    const chunk = this.reader.sound;
    if (chunk === undefined || this.#uselessShapes >= maxUselessShapes) return;
    const shape = KnownShape.learn(bytes, start, end, chunk, this.#options.toldModel);
    if (shape === undefined) return;
    this.#uselessShapes++;
    this.#shape = shape;
  }

  #tellEnding(emit: Emit): void {
    const { ending } = this.reader;
    this.reader.ending = undefined;
    if (ending !== undefined) for (const event of ending) emit(event);
  }

  #flush(bytes: Uint8Array, end: number, emit: Emit): void {
    const start = this.#runStart;
    this.#runStart = end;
    if (end > start) this.#emit(bytes, start, end, emit);
  }

  #emitText(text: string, emit: Emit): void {
    if (text === "") return;
    const bytes = encoder.encode(text);
    this.#isSemantic ||= this.reader.isSemantic;
    this.#emit(bytes, 0, bytes.length, emit);
  }

  #emit(bytes: Uint8Array, start: number, end: number, emit: Emit): void {
    if (!this.#isSemantic && this.#quietBytes <= maxQuietBytes) this.#quietBytes += end - start;
    frames.bytes = bytes;
    frames.start = start;
    frames.end = end;
    frames.isSemantic = this.#isSemantic || this.#quietBytes > maxQuietBytes;
    this.#isSemantic = false;
    this.#hasBegun ||= frames.isSemantic;
    emit(frames);
  }

  #keep(tail: ByteCarry, bytes: Uint8Array, start: number, end: number): void {
    const maxBytes = this.#options.maxLineBytes ?? defaultMaxLineBytes;
    if (tail.length + end - start > maxBytes + lineEndBytes) {
      tail.clear();
      throw new GatewayError("upstream-failed", `Cannot read event stream: a line is longer than ${maxBytes} bytes`);
    }
    tail.append(bytes, start, end);
  }
}

const lineFeed = 10;
const colon = 58;
/** The end of an event's last line and its blank line, at most: they are kept with it, and are no part of a line. */
const lineEndBytes = 4;
