// One reader of a stream. While it keeps up it is handed the chunks themselves; one that lags reads from the spool, at its
// own place, when it gets to it: what it leaves unread costs kilobytes. Hot.

import { commentFrame } from "../sse/sse-writer.ts";
import type { SpoolReader } from "./spool.ts";

/** What a reader reads: a stream that runs, or one that has ended. */
export interface Supply {
  readonly spool: SpoolReader;
  /** Nothing comes behind what is in the spool, and in the reader's hands. */
  readonly isOver: boolean;
  /** A reader that was behind wants what comes. */
  readerWants(): void;
  /** It has hung up, has failed or was cut, or has read all. */
  readerLeft(reader: Reader): void;
  /** Its spool cannot be read. */
  readerFailed(error: unknown): void;
}

/**
 * What a reader may leave unread, in bytes: by chunks, a socket would be paused and resumed for each event of a trickle.
 * Behind it there may be one more chunk.
 */
const strategy = new ByteLengthQueuingStrategy({ highWaterMark: 16 * 1024 });
const blockBytes = 16 * 1024;
const keepAlive = commentFrame("keepalive");

export interface ReaderClock {
  /** Monotonic milliseconds. */
  now(): number;
}

export interface ReaderLimits {
  readonly keepAliveMs: number;
  readonly clientStallMs: number;
}

/** It is its own underlying source: `start`, `pull` and `cancel` are the stream's to call. */
export class Reader {
  readonly #supply: Supply;
  readonly #clock: ReaderClock;
  /** A stream that has failed leaves the connection open for as long as nobody reads what was sent before. */
  readonly #onCut: (() => void) | undefined;
  /** Where in the spool the next byte for this reader is. */
  #offset: number;
  /** Comes behind the spool and is in none: at most one chunk and the frame that ends the stream. */
  readonly #unspooled: Uint8Array[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Ends the running `pull`. */
  #endPull: (() => void) | undefined;
  #lastSentAtMs: number;
  #behindSinceMs: number | undefined;

  constructor(supply: Supply, offset: number, clock: ReaderClock, onCut?: () => void) {
    this.#supply = supply;
    this.#offset = offset;
    this.#clock = clock;
    this.#onCut = onCut;
    this.#lastSentAtMs = clock.now();
  }

  /** The body of the answer. */
  open(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(this, strategy);
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    // The head goes out with the first byte: whoever comes back to a stream that is silent now must not wait for it.
    if (this.#offset > 0 && this.#isCaughtUp && !this.#supply.isOver) this.#send(keepAlive);
  }

  /** Pending until the reader falls behind: the stream would ask anew after each chunk otherwise. */
  pull(): Promise<void> | undefined {
    this.#behindSinceMs = undefined;
    this.#catchUp();
    if (this.isBehind) return undefined;
    const pulled = new Promise<void>((resolve) => {
      this.#endPull = resolve;
    });
    this.#supply.readerWants();
    return pulled;
  }

  cancel(): void {
    this.#leave();
  }

  /** Wants nothing now. */
  get isBehind(): boolean {
    return !this.#isCaughtUp || !this.#hasRoom;
  }

  /** A chunk that was appended to the spool, which ends at `end` now. */
  takeSpooled(bytes: Uint8Array, end: number): void {
    if (this.#offset !== end - bytes.length || !this.#hasRoom) return;
    this.#offset = end;
    this.#send(bytes);
  }

  /** A chunk that is in no spool. None is given before the one before it was sent, but the last. */
  takeUnspooled(bytes: Uint8Array): void {
    if (this.#isCaughtUp) this.#send(bytes);
    else this.#unspooled.push(bytes);
  }

  /** What comes can be got no more: the reader has to come back. */
  cut(): void {
    this.#fail(new Error("The connection was cut: the stream cannot be reached"));
  }

  /** The stream is over: closes when everything is sent, now or later. */
  finish(): void {
    if (this.#isCaughtUp) this.#close();
  }

  /** @param nowMs monotonic */
  tick(nowMs: number, limits: ReaderLimits): void {
    if (this.#behindSinceMs !== undefined && nowMs - this.#behindSinceMs > limits.clientStallMs) {
      return this.#fail(new Error("The connection was cut: its reader did not read"));
    }
    if (this.#supply.isOver || this.isBehind || nowMs - this.#lastSentAtMs < limits.keepAliveMs) return;
    this.#send(keepAlive);
  }

  /** All that was meant for it was handed to its stream: what is sent now stands between two frames. */
  get #isCaughtUp(): boolean {
    return this.#offset === this.#supply.spool.length && this.#unspooled.length === 0;
  }

  get #hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  #catchUp(): void {
    const { spool } = this.#supply;
    try {
      while (this.#hasRoom && this.#offset < spool.length) {
        const block = spool.read(this.#offset, blockBytes);
        this.#offset += block.length;
        this.#send(block);
      }
    } catch (error) {
      this.#supply.readerFailed(error);
      return this.#fail(new Error("The connection was cut: what was sent before cannot be read any more"));
    }
    while (this.#hasRoom && this.#unspooled.length > 0) this.#send(this.#unspooled.shift()!);
    if (this.#isCaughtUp && this.#supply.isOver) this.#close();
  }

  #send(bytes: Uint8Array): void {
    const controller = this.#controller;
    if (controller === undefined) return;
    this.#lastSentAtMs = this.#clock.now();
    controller.enqueue(bytes);
    if (this.#hasRoom) return;
    this.#behindSinceMs ??= this.#lastSentAtMs;
    this.#stopPulling();
  }

  /** The stream asks anew as soon as it has room. */
  #stopPulling(): void {
    this.#endPull?.();
    this.#endPull = undefined;
  }

  #close(): void {
    this.#controller?.close();
    this.#leave();
  }

  #fail(error: Error): void {
    this.#controller?.error(error);
    this.#leave();
    this.#onCut?.();
  }

  #leave(): void {
    if (this.#controller === undefined) return;
    this.#controller = undefined;
    this.#unspooled.length = 0;
    this.#stopPulling();
    this.#supply.readerLeft(this);
  }
}
