// A running reply to a client's event stream: one chunk in, one enqueue out, paused while the client does not read. Hot.

import type { EventEncoder } from "../contract/surface.ts";
import type { ChatEvent, FinishReason, TokenUsage, UpstreamEvent } from "../contract/events.ts";
import type { GatewayError } from "../contract/gateway-error.ts";
import { EventSequence } from "./event-sequence.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";
import type { SentReply } from "./sent-reply.ts";

export interface RelayHooks {
  /** The client reads again. */
  pull(): void;
  /** The client has hung up. */
  cancel(): void;
}

export class Relay implements ReplyConsumer {
  readonly #encoder: EventEncoder;
  readonly #hooks: RelayHooks;
  readonly #sequence: EventSequence;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isClosed = false;
  readonly #createSent: () => SentReply;
  #sent: SentReply | undefined;
  sentBytes = 0;
  sentChunks = 0;

  /** @param createSent asked at the first event: before it the turn may not be known */
  constructor(encoder: EventEncoder, createSent: () => SentReply, hooks: RelayHooks) {
    this.#encoder = encoder;
    this.#createSent = createSent;
    this.#hooks = hooks;
    this.#sequence = new EventSequence((event) => this.#write(event));
  }

  get sent(): SentReply {
    this.#sent ??= this.#createSent();
    return this.#sent;
  }

  get canRestart(): boolean {
    return false;
  }

  restart(): void {}

  /** The body of the answer. Asking for it sends what has been written so far, and at least a comment: it carries the head. */
  open(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        if (!this.#sequence.hasStarted) this.#encoder.writeHeartbeat();
        this.flush();
        if (this.#isClosed) controller.close();
      },
      pull: () => this.#hooks.pull(),
      cancel: () => {
        this.#isClosed = true;
        this.#controller = undefined;
        this.#hooks.cancel();
      },
    });
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

  #close(): void {
    this.#isClosed = true;
    this.flush();
    this.#controller?.close();
    this.#controller = undefined;
  }

  #write(event: ChatEvent): void {
    this.#encoder.write(event);
    this.sent.note(event);
  }
}

/** Headers of every event stream. Never the upstream's own. */
export const streamHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  connection: "keep-alive",
  "x-accel-buffering": "no",
};
