// A stream that runs at another gateway, read on as its frames come to the place where all look: some ten times a second, whole
// frames alone.

import { commentFrame } from "../sse/sse-writer.ts";
import { createMemorySpools } from "./memory-spools.ts";
import type { FollowedState, Mirror } from "./mirrored-spools.ts";
import { Reader, type ReaderClock, type ReaderLimits, type Supply } from "./reader.ts";
import type { EndingFrames, IsEnding, ReaderHooks } from "./replays.ts";

export interface FollowOptions {
  readonly mirror: Mirror;
  readonly streamId: string;
  readonly afterId: number;
  readonly clock: ReaderClock;
  readonly hooks: ReaderHooks | undefined;
  readonly interruptedFrames: EndingFrames;
  readonly isEnding?: IsEnding | undefined;
  /** @defaultValue 100 */
  readonly pollMs?: number;
  /** Called once, when nobody reads it any more. */
  left(supply: FollowedStream): void;
}

type Ending = Exclude<FollowedState, "running">;

/** How long what is looked for may not be reachable before its reader is cut, and comes back by himself. */
const patienceMs = 10_000;
const keepAlive = commentFrame("keepalive");

export class FollowedStream implements Supply {
  readonly spool = createMemorySpools().create("followed");
  isOver = false;
  readonly #options: FollowOptions;
  readonly #encoder = new TextEncoder();
  #reader: Reader | undefined;
  #isLeft = false;
  /** Bytes that were read of it, and what of them is no whole frame yet. */
  #readBytes = 0;
  #partial = "";
  #lastFrame = "";
  #lastId = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #seenAtMs: number;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#seenAtMs = options.clock.now();
  }

  /** @throws what the mirror throws when it cannot be asked the first time */
  async open(): Promise<ReadableStream<Uint8Array>> {
    const { clock, hooks } = this.#options;
    const end = await this.#look();
    // The head goes out with the first byte: whoever comes back to a stream that is silent now must not wait for it.
    if (end === undefined && this.spool.length === 0) this.spool.append(keepAlive);
    this.#reader = new Reader(this, 0, clock, hooks?.onCut);
    const body = this.#reader.open();
    if (end === undefined) this.#plan();
    else this.#finish(end);
    return body;
  }

  tick(nowMs: number, limits: ReaderLimits): void {
    this.#reader?.tick(nowMs, limits);
  }

  readerWants(): void {}

  readerLeft(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    clearTimeout(this.#timer);
    this.#options.left(this);
  }

  readerFailed(): void {}

  #plan(): void {
    if (!this.#isLeft) this.#timer = setTimeout(() => void this.#lookAgain(), this.#options.pollMs ?? 100);
  }

  async #lookAgain(): Promise<void> {
    const { clock } = this.#options;
    try {
      const end = await this.#look();
      this.#seenAtMs = clock.now();
      if (end !== undefined) return this.#finish(end);
    } catch {
      // The store is away: the stream may run all the same.
      if (clock.now() - this.#seenAtMs > patienceMs) return this.#reader?.cut();
    }
    this.#plan();
  }

  /** @returns how it has ended; undefined while it runs */
  async #look(): Promise<Ending | undefined> {
    const { mirror, streamId } = this.#options;
    const { text, state } = await mirror.follow(streamId, this.#readBytes);
    this.#readBytes += Buffer.byteLength(text);
    this.#take(this.#partial + text);
    return state === "running" ? undefined : state;
  }

  #take(text: string): void {
    const end = text.lastIndexOf("\n\n") + 2;
    if (end < 2) {
      this.#partial = text;
      return;
    }
    this.#partial = text.slice(end);
    const before = text.lastIndexOf("\n\nid: ", end - 3);
    this.#lastFrame = text.slice(before < 0 ? 0 : before + 2, end);
    const frames = this.#unseen(text.slice(0, end));
    if (frames === "" || this.#isLeft) return;
    const bytes = this.#encoder.encode(frames);
    this.spool.append(bytes);
    this.#reader?.takeSpooled(bytes, this.spool.length);
  }

  /** Frames end at the first blank line, so what looks like one within an answer's text cannot be mistaken for it. */
  #unseen(frames: string): string {
    const { afterId } = this.#options;
    let from = this.#lastId >= afterId ? 0 : frames.length;
    for (const { index, 1: digits } of frames.matchAll(/(?:^|\n\n)id: (\d+)\n/g)) {
      this.#lastId = Number(digits);
      if (this.#lastId > afterId) from = Math.min(from, index === 0 ? 0 : index + 2);
    }
    return frames.slice(from);
  }

  /** Killed before its end could be noted: all of it was said. */
  get #isWhole(): boolean {
    const { isEnding, streamId } = this.#options;
    return isEnding?.(this.#encoder.encode(this.#lastFrame), streamId) === true;
  }

  #finish(end: Ending): void {
    this.isOver = true;
    // Whoever comes back is told that it could not be kept.
    if (end === "torn") return this.#reader?.cut();
    const { afterId, interruptedFrames, streamId } = this.#options;
    if (end === "interrupted" && !this.#isWhole)
      this.#reader?.takeUnspooled(Buffer.concat(interruptedFrames(Math.max(this.#lastId, afterId), streamId)));
    this.#reader?.finish();
  }
}
