// A running reply to a client's event stream: one chunk in, one enqueue out, paused while the client does not read. Hot.

import type { EventEncoder } from "../contract/surface.ts";
import type { ChatEvent, FinishReason, TokenUsage, UpstreamEvent } from "../contract/events.ts";
import type { GatewayError } from "../contract/gateway-error.ts";
import { EventSequence } from "./event-sequence.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";
import type { SentReply } from "./sent-reply.ts";

export interface RelayHooks {
  /** Takes what the client is sent. Asked at the first event: before it the turn may not be known. */
  createSent(): SentReply;
  /** The client reads again. */
  clientReads(): void;
  /** The client has hung up. */
  clientLeft(): void;
}

/**
 * What a client may leave unread before its source is paused. In bytes: by chunks, a socket would be paused and resumed
 * for each event of a trickle, at two system calls each.
 */
const strategy = new ByteLengthQueuingStrategy({ highWaterMark: 16 * 1024 });

/** A long chunk goes out in pieces of about this size: gathered whole, it would be copied again and again as it grows. */
const mostGatheredBytes = 32 * 1024;

/** It is its own underlying source: `start`, `pull` and `cancel` are the stream's to call. */
export class Relay implements ReplyConsumer {
  readonly #encoder: EventEncoder;
  readonly #hooks: RelayHooks;
  readonly #sequence: EventSequence;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Ends the running `pull`. */
  #endPull: (() => void) | undefined;
  #isClosed = false;
  #sent: SentReply | undefined;
  sentBytes = 0;
  sentChunks = 0;

  constructor(encoder: EventEncoder, hooks: RelayHooks) {
    this.#encoder = encoder;
    this.#hooks = hooks;
    this.#sequence = new EventSequence((event) => this.#write(event));
  }

  get sent(): SentReply {
    this.#sent ??= this.#hooks.createSent();
    return this.#sent;
  }

  get canRestart(): boolean {
    return false;
  }

  restart(): void {}

  /** The body of the answer. Asking for it sends what has been written so far, and at least a comment: it carries the head. */
  open(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(this, strategy);
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    if (!this.#sequence.hasStarted) this.#encoder.writeHeartbeat();
    this.flush();
    if (this.#isClosed) controller.close();
  }

  /** Pending until the client falls behind: the stream would ask anew after each chunk otherwise. */
  pull(): Promise<void> {
    const pulled = new Promise<void>((resolve) => {
      this.#endPull = resolve;
    });
    // Last: a source that held something back says it at once, and may fall behind again before this returns.
    this.#hooks.clientReads();
    return pulled;
  }

  cancel(): void {
    this.#isClosed = true;
    this.#controller = undefined;
    this.#hooks.clientLeft();
  }

  event(event: UpstreamEvent): void {
    this.#sequence.accept(event);
  }

  flush(): boolean {
    const controller = this.#controller;
    if (controller === undefined) return false;
    const bytes = this.#encoder.take();
    if (bytes.length === 0) return false;
    this.sentBytes += bytes.length;
    this.sentChunks++;
    controller.enqueue(bytes);
    if (!this.wantsMore) this.#awaitReader();
    return true;
  }

  get wantsMore(): boolean {
    const controller = this.#controller;
    return controller === undefined || (controller.desiredSize ?? 0) > 0;
  }

  complete(finishReason: FinishReason, usage: TokenUsage): void {
    if (this.#isClosed) return;
    this.#sequence.end(finishReason, usage);
    this.#close();
  }

  fail(error: GatewayError): void {
    if (this.#isClosed) return;
    this.#sequence.fail(error);
    this.#close();
  }

  heartbeat(): boolean {
    // Nothing for a head that is still held, nor for a client that does not read.
    if (this.#isClosed || this.#controller === undefined || !this.wantsMore) return false;
    this.#encoder.writeHeartbeat();
    return this.flush();
  }

  /** The client has fallen behind: the stream asks anew as soon as it has read enough. */
  #awaitReader(): void {
    this.#endPull?.();
    this.#endPull = undefined;
  }

  #close(): void {
    this.#isClosed = true;
    this.flush();
    this.#controller?.close();
    this.#controller = undefined;
  }

  #write(event: ChatEvent): void {
    this.#encoder.write(event);
    this.sent.note(event);
    if (this.#encoder.pendingBytes >= mostGatheredBytes) this.flush();
  }
}

/** Headers of every event stream. Never the upstream's own. */
export const streamHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  connection: "keep-alive",
  "x-accel-buffering": "no",
};
