// The stream of a message, also of one that is a summary: that is one block.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { ReplyIdentity } from "../../contract/events.ts";
import { stringifyExact } from "../../contract/exact-json.ts";
import type { EventEncoder } from "../../contract/surface.ts";
import { formatSseEvent } from "../../sse/sse-writer.ts";
import { createSummaryEncoder, type ReplyEnd } from "../summary-encoder.ts";
import { asksForSummary, encodeSummary } from "./compaction.ts";
import { createEventEncoder } from "./event-encoder.ts";
import { encodeUsage } from "./reply-fields.ts";

const encoder = new TextEncoder();

export function createEncoder(request: ChatRequest, identity: ReplyIdentity): EventEncoder {
  const message = createEventEncoder(request, identity);
  if (!asksForSummary(request)) return message;
  return createSummaryEncoder(message, (summary, end) => encoder.encode(summaryEvents(request, summary, end).join("")));
}

function summaryEvents(request: ChatRequest, summary: string, { finishReason, usage }: ReplyEnd): string[] {
  const { block, stop } = encodeSummary(request, summary, finishReason);
  const { content, encrypted_content } = block;
  const delta = { type: "compaction_delta", content, encrypted_content };
  return [
    { type: "content_block_start", index: 0, content_block: { ...block, content: null } },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: stop, usage: encodeUsage(usage) },
    { type: "message_stop" },
  ].map((event) => formatSseEvent(stringifyExact(event), event.type));
}
