// The stream of an answer, also of one that is a summary: that is one item. Codex takes an answer with any other number of such
// items for a failure.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { ReplyIdentity } from "../../contract/events.ts";
import type { EventEncoder } from "../../contract/surface.ts";
import { createSummaryEncoder } from "../summary-encoder.ts";
import { asksForSummary, noSummary, summaryOutput } from "./compaction.ts";
import { createEventEncoder, type EncoderOptions } from "./event-encoder.ts";
import { endedStatus } from "./response-object.ts";

export function createEncoder(
  request: ChatRequest,
  identity: ReplyIdentity,
  options: EncoderOptions = {},
): EventEncoder {
  const response = createEventEncoder(request, identity, options);
  if (!asksForSummary(request)) return response;
  return createSummaryEncoder(response, (summary, end) => {
    const output = summaryOutput(identity, summary, end.finishReason);
    for (const item of output) response.wholeItem(item);
    const isMissing = output.length === 0 && endedStatus(end.finishReason) === "completed";
    response.write(isMissing ? { type: "reply-error", error: noSummary() } : end);
    return response.take();
  });
}
