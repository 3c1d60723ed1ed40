// Conversations that a client has shortened: the request for a summary of one, and the summary in the place of its messages.
// The official package does both for whoever calls `compactBeforeNextTurn` of its runner.

import type { ChatRequest, Message } from "../../contract/chat-request.ts";
import type { FinishReason } from "../../contract/events.ts";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { invalid } from "../check-body.ts";
import { askForSummary, isWholeSummary, toldSummary } from "../summaries.ts";
import { changesIn } from "./changed-tools.ts";
import { parseContent } from "./parse-content.ts";
import { encodeStop } from "./reply-fields.ts";

/** The block that holds a summary, and why a message with one has ended. */
export const compaction = "compaction";

export function asksForSummary({ body }: ChatRequest): boolean {
  return isJsonObject(body[compaction]);
}

/** @throws {GatewayError} `invalid-request` for a compaction of another kind */
export function withSummaryQuestion(request: ChatRequest): ChatRequest {
  const config = request.body[compaction];
  if (config === undefined || config === null) return request;
  if (!isJsonObject(config)) throw invalid(compaction, `Invalid request: "${compaction}" must be an object`);
  if (config["type"] !== "summarize") {
    throw invalid(`${compaction}.type`, `Invalid request: "${compaction}.type" must be summarize`);
  }
  const own = config["instructions"];
  return askForSummary(request, typeof own === "string" && own.trim() !== "" ? own : undefined);
}

/**
 * @returns undefined for a block that failed to hold a summary
 * @throws {GatewayError} `invalid-request`
 */
export function parseSummary({ content }: JsonObject, path: string): Message | undefined {
  if (content === undefined || content === null || content === "") return undefined;
  return toldSummary(parseContent(content, `${path}.content`));
}

/** One block in place of all that a message says, and why it ended. */
export function encodeSummary({ body }: ChatRequest, text: string, finishReason: FinishReason) {
  const isWhole = isWholeSummary(text, finishReason);
  const block: { readonly [field: string]: Json } = {
    type: compaction,
    content: isWhole ? text : null,
    encrypted_content: null,
    // The messages that brought or took tools are gone with the rest. They came out of JSON.parse.
    tool_changes: changesIn(body["messages"]) as readonly Json[],
  };
  return { block, stop: { ...encodeStop(finishReason, undefined), ...(isWhole ? { stop_reason: compaction } : {}) } };
}
