// One stream that runs: pulls chunk after chunk while somebody wants them, appends each to the spool, then hands it to its
// readers. Hot.

import type { Log } from "../telemetry/log.ts";
import { endsWith } from "./find-frames.ts";
import { Reader, type ReaderClock, type ReaderLimits, type Supply } from "./reader.ts";
import type { EndingFrames, IsEnding, ReaderHooks, ReplayChunk, ReplaySource } from "./replays.ts";
import type { Spool } from "./spool.ts";

/** Why the rest of a stream is in no spool. */
export type Unkept = "too-long" | "not-kept";

/** What a production asks of the house around it. */
export interface ProductionHooks {
  /** Whether so many bytes more may be kept. */
  fits(bytes: number): boolean;
  /** The same where others have to go first. Never rejects. */
  makeRoom(bytes: number): Promise<boolean>;
  appended(bytes: number): void;
  /** What was kept of it is of no more use. Its readers may still read it. */
  gaveUp(production: Production, why: Unkept): void;
  /** Called once. Readers may be left, which read the rest of the spool. */
  ended(production: Production): void;
}

export interface ProductionOptions {
  readonly streamId: string;
  readonly caller: string;
  readonly startedAtMs: number;
  readonly source: ReplaySource;
  readonly spool: Spool;
  readonly maxBytes: number;
  readonly graceMs: number;
  /** As the start of a stream has it. */
  readonly resumable: boolean;
  readonly clock: ReaderClock;
  readonly log: Log;
  readonly hooks: ProductionHooks;
  readonly interruptedFrames: EndingFrames;
  readonly abandonedFrames: EndingFrames;
  readonly stoppedFrames: EndingFrames;
  readonly isEnding?: IsEnding | undefined;
}

export class Production implements Supply {
  readonly streamId: string;
  readonly caller: string;
  readonly startedAtMs: number;
  readonly spool: Spool;
  readonly #options: ProductionOptions;
  readonly #source: ReplaySource;
  readonly #readers = new Set<Reader>();
  #lastId = 0;
  #unkept: Unkept | undefined;
  #isOver = false;
  /** The index knows of the stream; a promise until it does. */
  #registration: Promise<void> | undefined;
  /** Ends the wait for a reader that wants something. */
  #wake: (() => void) | undefined;
  /** Since when nobody reads. */
  #aloneSinceMs: number | undefined;

  constructor(options: ProductionOptions) {
    this.#options = options;
    this.streamId = options.streamId;
    this.caller = options.caller;
    this.startedAtMs = options.startedAtMs;
    this.spool = options.spool;
    this.#source = options.source;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get unkept(): Unkept | undefined {
    return this.#unkept;
  }

  get lastId(): number {
    return this.#lastId;
  }

  get readerCount(): number {
    return this.#readers.size;
  }

  /** @param offset in the spool, at which its first frame begins. @defaultValue what comes */
  addReader({ onCut }: ReaderHooks = {}, offset = this.spool.length): ReadableStream<Uint8Array> {
    const reader = new Reader(this, offset, this.#options.clock, onCut);
    this.#readers.add(reader);
    this.#aloneSinceMs = undefined;
    // It outlives the production: it may have to read on.
    this.spool.retain();
    return reader.open();
  }

  /** Never rejects. @param registration has to be settled before the first frame is sent */
  async run(registration: Promise<void>): Promise<void> {
    this.#registration = registration;
    void this.spool.opened.then((failure) => {
      if (failure !== undefined && this.#unkept === undefined) this.#lose(failure);
    });
    try {
      while (!this.#isOver) {
        if (!this.#isWanted) {
          await this.#untilWanted();
          continue;
        }
        const chunk = await this.#source.next();
        if (this.#isOver) return;
        if (chunk === undefined) return this.#end();
        // Both but once or rarely: a promise less for each chunk.
        if (this.#registration !== undefined) await this.#register();
        if (!this.#fits(chunk.bytes.length)) await this.#makeRoom(chunk.bytes.length);
        if (this.#isOver) return;
        this.#take(chunk);
      }
    } catch (error) {
      if (this.#isOver) return;
      this.#options.log.error("The source of a stream failed", { streamId: this.streamId }, error);
      this.#end(this.#options.interruptedFrames);
    }
  }

  /** Somebody asked for its end. */
  stop(): void {
    this.#cut(new Error("Stopped by its caller"), this.#options.stoppedFrames);
  }

  /** It cannot go on. */
  interrupt(): void {
    this.#cut(new Error("The gateway shuts down"), this.#options.interruptedFrames);
  }

  /** @param nowMs monotonic */
  tick(nowMs: number, limits: ReaderLimits): void {
    for (const reader of this.#readers) reader.tick(nowMs, limits);
    if (this.#aloneSinceMs !== undefined && nowMs - this.#aloneSinceMs >= this.#options.graceMs) this.#abandon();
  }

  readerWants(): void {
    this.#wakeUp();
  }

  readerLeft(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    this.spool.release();
    if (this.#isOver) return;
    if (this.#readers.size > 0) return this.#wakeUp();
    if (!this.#options.resumable || this.#options.graceMs <= 0) return this.#abandon();
    this.#aloneSinceMs = this.#options.clock.now();
    this.#wakeUp();
  }

  readerFailed(error: unknown): void {
    this.#options.log.error("Cannot read the spool of a stream", { streamId: this.streamId }, error);
  }

  /**
   * Kept: while one of the readers keeps up, the others read from the spool later. Not kept: nobody may miss anything, so the
   * slowest decides; it is cut when it does not read at all. Nobody there: on, for as long as the grace lasts.
   */
  get #isWanted(): boolean {
    if (this.#readers.size === 0) return true;
    let behind = 0;
    for (const reader of this.#readers) if (reader.isBehind) behind++;
    return this.#unkept === undefined ? behind < this.#readers.size : behind === 0;
  }

  #untilWanted(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeUp(): void {
    if (this.#wake === undefined || (!this.#isOver && !this.#isWanted)) return;
    this.#wake();
    this.#wake = undefined;
  }

  async #register(): Promise<void> {
    await this.#registration;
    this.#registration = undefined;
  }

  /** What is too long for its stream is found out when it is appended. */
  #fits(bytes: number): boolean {
    return this.#unkept !== undefined || this.#isTooLong(bytes) || this.#options.hooks.fits(bytes);
  }

  async #makeRoom(bytes: number): Promise<void> {
    if (this.#isOver || (await this.#options.hooks.makeRoom(bytes)) || this.#isOver) return;
    this.#options.log.warn("Cannot keep a stream: there is no room, and it goes on without being kept", {
      streamId: this.streamId,
    });
    this.#giveUp("not-kept");
  }

  #isTooLong(bytes: number): boolean {
    return this.spool.length + bytes > this.#options.maxBytes;
  }

  #take({ bytes, lastId }: ReplayChunk): void {
    this.#lastId = lastId;
    if (this.#unkept === undefined && this.#isTooLong(bytes.length) && !this.#isOver) this.#giveUp("too-long");
    this.#deliver(bytes);
  }

  #deliver(bytes: Uint8Array): void {
    if (this.#unkept === undefined && this.#append(bytes)) {
      const end = this.spool.length;
      for (const reader of this.#readers) reader.takeSpooled(bytes, end);
    } else {
      for (const reader of this.#readers) reader.takeUnspooled(bytes);
    }
  }

  #append(bytes: Uint8Array): boolean {
    try {
      this.spool.append(bytes);
      this.#options.hooks.appended(bytes.length);
      return true;
    } catch (error) {
      this.#lose(error);
      return false;
    }
  }

  #lose(failure: unknown): void {
    this.#options.log.error(
      "Cannot keep a stream: it goes on without being kept",
      { streamId: this.streamId },
      failure,
    );
    this.#giveUp("not-kept");
  }

  #giveUp(why: Unkept): void {
    this.#unkept = why;
    this.#options.hooks.gaveUp(this, why);
  }

  #abandon(): void {
    if (this.#isOver) return;
    this.#cut(new Error("Nobody reads"), this.#options.abandonedFrames);
  }

  #cut(reason: Error, frames: EndingFrames): void {
    if (this.#isOver) return;
    this.#end(this.#hasSaidAll ? undefined : frames);
    this.#tell(() => this.#source.cancel(reason));
  }

  /** Its last frame was sent, and nobody has read so far that its source was asked for another one. */
  get #hasSaidAll(): boolean {
    const { isEnding } = this.#options;
    if (isEnding === undefined || this.#unkept !== undefined) return false;
    try {
      return endsWith(this.spool, (frame) => isEnding(frame, this.streamId));
    } catch (error) {
      this.readerFailed(error);
      return false;
    }
  }

  /** Whoever produces the stream is a guest here: what it throws must not end the timer, nor a reader's hang-up. */
  #tell(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.log.error("A stream has ended, and whoever made it failed", { streamId: this.streamId }, error);
    }
  }

  #end(frames?: EndingFrames): void {
    this.#isOver = true;
    this.#aloneSinceMs = undefined;
    // However long the stream is: without its end the rest would be worth less.
    if (frames !== undefined) {
      const ending = frames(this.#lastId, this.streamId);
      this.#take({ bytes: Buffer.concat(ending), lastId: this.#lastId + ending.length });
    }
    for (const reader of this.#readers) reader.finish();
    this.#wakeUp();
    this.#options.hooks.ended(this);
  }
}
