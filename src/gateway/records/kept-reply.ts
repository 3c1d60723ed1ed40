// A consumer whose reply is kept for the history: it stands around another one, and only where that is wanted.

import type { FinishReason, TokenUsage, UpstreamEvent } from "../../contract/events.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import type { PassThrough } from "../../contract/upstream.ts";
import { ReplyContent } from "../../history/exchange-content.ts";
import { PassedReply } from "../../history/passed-reply.ts";
import type { ReplyConsumer } from "../replies/reply-consumer.ts";
import type { SentReply } from "../turns/sent-reply.ts";

export class KeptReply implements ReplyConsumer {
  readonly #inner: ReplyConsumer;
  readonly #content: ReplyContent;
  #passed: PassedReply | undefined;

  /** @param maxBytes of what is kept */
  constructor(inner: ReplyConsumer, maxBytes: number) {
    this.#inner = inner;
    this.#content = new ReplyContent(maxBytes);
  }

  /** What has been said so far, as JSON. */
  toJson(): string {
    return this.#content.toJson();
  }

  event(event: UpstreamEvent): void {
    // First: bytes of an event are only lent.
    if (this.#content.hasRoom) this.#keep(event);
    this.#inner.event(event);
  }

  #keep(event: UpstreamEvent): void {
    if (event.type === "text-delta" || event.type === "refusal-delta") this.#content.text(event.text.text);
    else if (event.type === "reasoning-delta") this.#content.reasoning(event.text.text);
    else if (event.type === "tool-call-start") this.#content.call(event.callId, event.toolName);
    else if (event.type === "tool-call-delta") this.#content.callArguments(event.callId, event.argumentsText);
    else if (event.type === "frames") {
      this.#passed ??= new PassedReply(this.#content);
      this.#passed.read(event.bytes, event.start, event.end);
    }
  }

  restart(): void {
    this.#content.clear();
    this.#passed = undefined;
    this.#inner.restart();
  }

  get canRestart(): boolean {
    return this.#inner.canRestart;
  }

  flush(): boolean {
    return this.#inner.flush();
  }

  get wantsMore(): boolean {
    return this.#inner.wantsMore;
  }

  settle(passThrough?: PassThrough): void {
    this.#inner.settle(passThrough);
  }

  get sent(): SentReply {
    return this.#inner.sent;
  }

  get sentBytes(): number {
    return this.#inner.sentBytes;
  }

  get sentChunks(): number {
    return this.#inner.sentChunks;
  }

  complete(finishReason: FinishReason, usage: TokenUsage, passThrough?: PassThrough): void {
    this.#inner.complete(finishReason, usage, passThrough);
  }

  fail(error: GatewayError): void {
    this.#inner.fail(error);
  }

  heartbeat(): boolean {
    return this.#inner.heartbeat();
  }
}
