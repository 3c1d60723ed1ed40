// The stream of a summary that was asked for: one block, told when it is whole, since clients take its text in one piece.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { ChatEvent, ReplyIdentity } from "../../contract/events.ts";
import { stringifyExact } from "../../contract/exact-json.ts";
import type { EventEncoder } from "../../contract/surface.ts";
import { RawText } from "../../conversation/raw-text.ts";
import { ByteWriter } from "../../sse/byte-writer.ts";
import { formatSseEvent } from "../../sse/sse-writer.ts";
import { encodeSummary } from "./compaction.ts";
import { createEventEncoder } from "./event-encoder.ts";
import { encodeUsage } from "./reply-fields.ts";

export function createSummaryEncoder(request: ChatRequest, identity: ReplyIdentity): EventEncoder {
  return new SummaryEncoder(request, createEventEncoder(request, identity));
}

type ReplyEnd = Extract<ChatEvent, { readonly type: "reply-end" }>;

class SummaryEncoder implements EventEncoder {
  readonly #writer = new ByteWriter();
  readonly #request: ChatRequest;
  /** Start, heartbeats and failure are those of any message. */
  readonly #message: EventEncoder;
  readonly #text = new RawText();

  constructor(request: ChatRequest, message: EventEncoder) {
    this.#request = request;
    this.#message = message;
  }

  write(event: ChatEvent): void {
    switch (event.type) {
      case "text-delta":
        this.#text.append(event.text);
        return;
      case "reply-start":
      case "reply-error":
        this.#message.write(event);
        return this.#writer.bytes(this.#message.take());
      case "reply-end":
        return this.#end(event);
      default:
        // Thoughts, and calls that nobody could carry out.
        return;
    }
  }

  writeHeartbeat(): void {
    this.#message.writeHeartbeat();
    this.#writer.bytes(this.#message.take());
  }

  get pendingBytes(): number {
    return this.#writer.length;
  }

  take(): Uint8Array {
    return this.#writer.take();
  }

  #end({ finishReason, usage }: ReplyEnd): void {
    const { block, stop } = encodeSummary(this.#request, this.#text.text, finishReason);
    const { content, encrypted_content } = block;
    const delta = { type: "compaction_delta", content, encrypted_content };
    this.#event({ type: "content_block_start", index: 0, content_block: { ...block, content: null } });
    this.#event({ type: "content_block_delta", index: 0, delta });
    this.#event({ type: "content_block_stop", index: 0 });
    this.#event({ type: "message_delta", delta: stop, usage: encodeUsage(usage) });
    this.#event({ type: "message_stop" });
  }

  #event(data: { readonly type: string; readonly [field: string]: unknown }): void {
    this.#writer.text(formatSseEvent(stringifyExact(data), data.type));
  }
}
