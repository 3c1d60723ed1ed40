// A running reply to a client's event stream: one chunk in, one enqueue out, paused while the client does not read. Hot.

import type { ChatEvent, FinishReason, PassedFrames, TokenUsage, UpstreamEvent } from "../../contract/events.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import type { EventEncoder } from "../../contract/surface.ts";
import type { PassThrough } from "../../contract/upstream.ts";
import { ByteWriter } from "../../sse/byte-writer.ts";
import { EventSequence } from "./event-sequence.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";
import type { OpenOutlet, OutletSource, ReplyOutlet } from "./reply-outlet.ts";
import type { SentReply } from "../turns/sent-reply.ts";
import { streamingErrorFrame } from "./streaming-error.ts";

export interface RelayHooks {
  createEncoder(): EventEncoder;
  /** Takes what the client is sent. Asked at the first event: before it the turn may not be known. */
  createSent(): SentReply;
  /** Frames of the upstream are the client's, should there come any. */
  readonly isPassThrough: boolean;
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

/** It is its own underlying source: `start`, `pull` and `cancel` are the stream's, or the outlet's, to call. */
export class Relay implements ReplyConsumer, OutletSource {
  readonly #hooks: RelayHooks;
  /** Made when they are needed: frames that are passed on need neither. */
  #ownEncoder: EventEncoder | undefined;
  #ownSequence: EventSequence | undefined;
  /** Frames to pass on, as one piece or gathered. Held until the first that says something: another attempt may follow. */
  #piece: Uint8Array | undefined;
  #frames: ByteWriter | undefined;
  #hasPassed = false;
  #controller: ReplyOutlet | undefined;
  /** Ends the running `pull`. */
  #endPull: (() => void) | undefined;
  #isClosed = false;
  #sent: SentReply | undefined;
  #enqueuedBytes = 0;
  #enqueuedChunks = 0;

  constructor(hooks: RelayHooks) {
    this.#hooks = hooks;
  }

  get sent(): SentReply {
    this.#sent ??= this.#hooks.createSent();
    return this.#sent;
  }

  get sentBytes(): number {
    return this.#enqueuedBytes + this.#unopenedBytes;
  }

  get sentChunks(): number {
    return this.#enqueuedChunks + (this.#unopenedBytes > 0 ? 1 : 0);
  }

  /** Of an answer that is over before its body was asked for, as one that came in a single piece is: they go out with its head. */
  get #unopenedBytes(): number {
    if (!this.#isClosed) return 0;
    const frameBytes = this.#hasPassed ? (this.#piece?.length ?? this.#frames?.length ?? 0) : 0;
    return frameBytes + (this.#ownEncoder?.pendingBytes ?? 0);
  }

  get canRestart(): boolean {
    return false;
  }

  restart(): void {
    if (!this.#hasPassed) this.#takeFrames();
  }

  /** The body of the answer. Asking for it sends what has been written so far, and at least a comment: it carries the head. */
  open(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(this, strategy);
  }

  /** The same into somebody's hands. */
  pourInto(outlet: OpenOutlet): void {
    outlet.open(this);
    this.start(outlet);
    if (this.wantsMore) void this.pull();
  }

  start(controller: ReplyOutlet): void {
    this.#controller = controller;
    if (!this.#hasSpoken) this.#encoder.writeHeartbeat();
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
    if (event.type === "frames") this.#pass(event);
    else this.#sequence.accept(event);
  }

  flush(): boolean {
    const controller = this.#controller;
    if (controller === undefined) return false;
    const wroteFrames = this.#hasPassed && this.#enqueue(controller, this.#takeFrames());
    // Behind them: it may be an error.
    const wroteOwn = this.#enqueue(controller, this.#ownEncoder?.take());
    if (!wroteOwn && !wroteFrames) return false;
    if (!this.wantsMore) this.#awaitReader();
    return true;
  }

  get wantsMore(): boolean {
    const controller = this.#controller;
    return controller === undefined || (controller.desiredSize ?? 0) > 0;
  }

  settle(passThrough?: PassThrough): void {
    if (passThrough === undefined && !this.#isClosed) this.#sequence.settle();
  }

  complete(finishReason: FinishReason, usage: TokenUsage, passThrough?: PassThrough): void {
    if (this.#isClosed) return;
    if (passThrough === undefined) this.#sequence.end(finishReason, usage);
    else {
      this.#hasPassed = true;
      this.#gatherFrames().text(passThrough.closingFrames(usage));
    }
    this.#close();
  }

  fail(error: GatewayError): void {
    if (this.#isClosed) return;
    if (this.#hooks.isPassThrough && !this.#hasSpoken) {
      this.#takeFrames();
      this.#hasPassed = true;
      this.#gatherFrames().text(streamingErrorFrame(error));
    } else this.#sequence.fail(error);
    this.#close();
  }

  heartbeat(): boolean {
    // Nothing for a head that is still held, nor for a client that does not read.
    if (this.#isClosed || this.#controller === undefined || !this.wantsMore) return false;
    this.#encoder.writeHeartbeat();
    return this.flush();
  }

  /** Mostly one run of a chunk, often all of it: then its bytes are handed on as they are. */
  #pass({ bytes, start, end, isSemantic }: PassedFrames): void {
    this.#hasPassed ||= isSemantic;
    if (this.#piece === undefined && this.#frames === undefined) {
      this.#piece = start === 0 && end === bytes.length ? bytes : bytes.slice(start, end);
      return;
    }
    this.#gatherFrames().range(bytes, start, end);
  }

  #gatherFrames(): ByteWriter {
    this.#frames ??= new ByteWriter();
    if (this.#piece !== undefined) this.#frames.bytes(this.#piece);
    this.#piece = undefined;
    return this.#frames;
  }

  #takeFrames(): Uint8Array | undefined {
    const bytes = this.#piece ?? this.#frames?.take();
    this.#piece = undefined;
    this.#frames = undefined;
    return bytes;
  }

  get #encoder(): EventEncoder {
    this.#ownEncoder ??= this.#hooks.createEncoder();
    return this.#ownEncoder;
  }

  get #sequence(): EventSequence {
    this.#ownSequence ??= new EventSequence((event) => this.#write(event));
    return this.#ownSequence;
  }

  /** Something other than heartbeats was told. */
  get #hasSpoken(): boolean {
    return this.#hasPassed || this.#ownSequence?.hasStarted === true;
  }

  #enqueue(controller: ReplyOutlet, bytes: Uint8Array | undefined): boolean {
    if (bytes === undefined || bytes.length === 0) return false;
    this.#enqueuedBytes += bytes.length;
    this.#enqueuedChunks++;
    controller.enqueue(bytes);
    return true;
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
