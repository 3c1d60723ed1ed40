// The stream of an answer, also of one that is a summary: that is one item, told when it is whole, since nobody can read a
// part of it. Codex takes an answer with any other number of such items for a failure.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { ChatEvent, ReplyIdentity } from "../../contract/events.ts";
import type { EventEncoder } from "../../contract/surface.ts";
import { RawText } from "../../conversation/raw-text.ts";
import { asksForSummary, noSummary, summaryOutput } from "./compaction.ts";
import { createEventEncoder, type EncoderOptions, type ResponseEncoder } from "./event-encoder.ts";
import { endedStatus } from "./response-object.ts";

export function createEncoder(
  request: ChatRequest,
  identity: ReplyIdentity,
  options: EncoderOptions = {},
): EventEncoder {
  const encoder = createEventEncoder(request, identity, options);
  return asksForSummary(request) ? new SummaryEncoder(identity, encoder) : encoder;
}

type ReplyEnd = Extract<ChatEvent, { readonly type: "reply-end" }>;

class SummaryEncoder implements EventEncoder {
  readonly #identity: ReplyIdentity;
  /** Start, heartbeats, end and failure are those of any answer. */
  readonly #response: ResponseEncoder;
  readonly #text = new RawText();

  constructor(identity: ReplyIdentity, response: ResponseEncoder) {
    this.#identity = identity;
    this.#response = response;
  }

  write(event: ChatEvent): void {
    switch (event.type) {
      case "text-delta":
        this.#text.append(event.text);
        return;
      case "reply-start":
      case "reply-error":
        return this.#response.write(event);
      case "reply-end":
        return this.#end(event);
      default:
        // Thoughts, and calls that nobody could carry out.
        return;
    }
  }

  writeHeartbeat(): void {
    this.#response.writeHeartbeat();
  }

  get pendingBytes(): number {
    return this.#response.pendingBytes;
  }

  take(): Uint8Array {
    return this.#response.take();
  }

  #end(event: ReplyEnd): void {
    const output = summaryOutput(this.#identity, this.#text.text, event.finishReason);
    for (const item of output) this.#response.wholeItem(item);
    const isMissing = output.length === 0 && endedStatus(event.finishReason) === "completed";
    this.#response.write(isMissing ? { type: "reply-error", error: noSummary() } : event);
  }
}
