// A running reply to one whole answer, for clients that did not ask for a stream.

import type { ChatReply } from "../../contract/chat-reply.ts";
import type {
  ChatEvent,
  FinishReason,
  ReplyIdentity,
  Source,
  TokenUsage,
  UpstreamEvent,
} from "../../contract/events.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import { EventSequence } from "./event-sequence.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";
import { RawText } from "../../conversation/raw-text.ts";
import type { SentReply } from "../turns/sent-reply.ts";

export interface CollectorHooks {
  /** Takes what the client is sent. Asked at the first event: before it the turn may not be known. */
  createSent(): SentReply;
  /** The whole answer as its client will read it. */
  encodeReply(reply: ChatReply): string;
}

const encoder = new TextEncoder();

/** What one attempt has said so far. */
class Collected {
  readonly text = new RawText();
  readonly reasoning = new RawText();
  readonly refusal = new RawText();
  readonly calls: { callId: string; toolName: string; argumentsText: string }[] = [];
  readonly sources: Source[] = [];
  readonly sent: SentReply;
  readonly sequence: EventSequence;
  /** As the sequence told it: calls decide it. */
  toldReason: FinishReason | undefined;
  stopSequence: string | undefined;

  constructor(sent: SentReply) {
    this.sent = sent;
    this.sequence = new EventSequence((event) => {
      collect(this, event);
      sent.note(event);
    });
  }
}

export class Collector implements ReplyConsumer {
  readonly #identity: ReplyIdentity;
  readonly #hooks: CollectorHooks;
  /** Made when there is something to collect: an answer that is passed on whole is not. */
  #ownCollected: Collected | undefined;
  /** A whole answer that is passed on. */
  #passed: Uint8Array | undefined;
  #body: Uint8Array | undefined;

  constructor(identity: ReplyIdentity, hooks: CollectorHooks) {
    this.#identity = identity;
    this.#hooks = hooks;
  }

  /** Nothing has been sent before the end, so a reply that broke off may be asked for once more. */
  get canRestart(): boolean {
    return true;
  }

  restart(): void {
    this.#passed = undefined;
    this.#ownCollected = undefined;
  }

  event(event: UpstreamEvent): void {
    if (event.type === "frames") this.#passed = event.bytes.slice(event.start, event.end);
    else this.#collected.sequence.accept(event);
  }

  flush(): boolean {
    return false;
  }

  get wantsMore(): boolean {
    return true;
  }

  get sent(): SentReply {
    return this.#collected.sent;
  }

  settle(): void {
    if (this.#passed === undefined) this.#collected.sequence.settle();
  }

  complete(finishReason: FinishReason, usage: TokenUsage): void {
    this.#body = this.#passed;
    if (this.#body !== undefined) return;
    this.#collected.sequence.end(finishReason, usage);
    const { text, reasoning, refusal, calls, sources, toldReason, stopSequence } = this.#collected;
    const reply: ChatReply = {
      identity: this.#identity,
      text: text.text,
      reasoning: reasoning.text,
      toolCalls: calls,
      sources,
      finishReason: toldReason ?? finishReason,
      ...(refusal.length === 0 ? {} : { refusal: refusal.text }),
      ...(stopSequence === undefined ? {} : { stopSequence }),
      usage,
    };
    this.#body = encoder.encode(this.#hooks.encodeReply(reply));
  }

  fail(_error: GatewayError): void {}

  heartbeat(): boolean {
    return false;
  }

  /** The body of the answer; undefined until the reply is complete. */
  get body(): Uint8Array | undefined {
    return this.#body;
  }

  get sentBytes(): number {
    return this.#body?.length ?? 0;
  }

  get sentChunks(): number {
    return this.#body === undefined ? 0 : 1;
  }

  get #collected(): Collected {
    this.#ownCollected ??= new Collected(this.#hooks.createSent());
    return this.#ownCollected;
  }
}

function collect(collected: Collected, event: ChatEvent): void {
  switch (event.type) {
    case "text-delta":
      collected.text.append(event.text);
      return;
    case "reasoning-delta":
      collected.reasoning.append(event.text);
      return;
    case "refusal-delta":
      collected.refusal.append(event.text);
      return;
    case "tool-call-delta":
      collected.calls[event.callIndex]!.argumentsText += event.argumentsText;
      return;
    case "source":
      collected.sources.push(event.source);
      return;
    case "block-start":
      if (event.block === "tool-call") {
        collected.calls.push({ callId: event.callId, toolName: event.toolName, argumentsText: "" });
      }
      return;
    case "reply-end":
      collected.toldReason = event.finishReason;
      return;
    case "stop-sequence":
      collected.stopSequence = event.sequence;
      return;
    case "reply-start":
    case "block-end":
    case "reply-error":
      return;
    default:
      event satisfies never;
  }
}
