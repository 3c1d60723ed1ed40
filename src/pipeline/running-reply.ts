// The frames of one reply as they come, until it ends or is longer than anybody reads: the reply pours them in, a step takes
// them out. Hot.

import { GatewayError } from "../contract/gateway-error.ts";
import type { OpenOutlet, OutletSource } from "../gateway/replies/reply-outlet.ts";
import type { RelayedReply } from "./step.ts";
import type { Generation } from "./token-surface.ts";

/** Beyond it a model goes round in circles, and all of it is held until its end. */
const mostAnswerBytes = 16 * 1024 * 1024;
/** What may wait to be taken before the reply is paused. */
const mostWaitingBytes = 16 * 1024;

type Frames = Uint8Array | undefined;

export class RunningReply implements RelayedReply, OpenOutlet {
  readonly isWritten = true;
  readonly #generation: Generation;
  /** Of the reply; undefined before it begins and when nobody reads it any more. */
  #source: OutletSource | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Takes the next frames as soon as there are any. */
  #asked: PromiseWithResolvers<Frames> | undefined;
  #isOver = false;

  constructor(generation: Generation) {
    this.#generation = generation;
  }

  open(source: OutletSource): void {
    // Left before it began.
    if (this.#isOver) return source.cancel();
    this.#source = source;
  }

  enqueue(frames: Uint8Array): void {
    if (this.#asked !== undefined) return this.#answer(frames);
    this.#waiting.push(frames);
    this.#waitingBytes += frames.length;
  }

  close(): void {
    this.#isOver = true;
    this.#source = undefined;
    if (this.#asked !== undefined) this.#answer(undefined);
  }

  get desiredSize(): number {
    return mostWaitingBytes - this.#waitingBytes;
  }

  /** Whole frames, all that have come; undefined at the end. One call at a time. @throws {GatewayError} when it is too long */
  next(): Promise<Frames> {
    if (this.#generation.bytes > mostAnswerBytes) return Promise.reject(tooLong());
    if (this.#waiting.length > 0) return Promise.resolve(this.#take());
    if (this.#isOver) return Promise.resolve(undefined);
    this.#asked = Promise.withResolvers();
    return this.#asked.promise;
  }

  /** Reads what nobody has asked for: the reply is heard to its end all the same. */
  async leaveOut(): Promise<void> {
    while ((await this.next()) !== undefined) {
      // Nobody wants it.
    }
  }

  /** Nobody wants the rest. */
  leave(): void {
    const source = this.#source;
    this.close();
    source?.cancel();
  }

  #answer(frames: Frames): void {
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.resolve(frames);
  }

  #take(): Uint8Array {
    const frames = this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting);
    const wasFull = this.desiredSize <= 0;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (wasFull) this.#source?.pull();
    return frames;
  }
}

function tooLong(): GatewayError {
  return new GatewayError("upstream-failed", "The answer was ended: it is longer than 16 MB");
}
