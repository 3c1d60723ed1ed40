// Conversations that a client has shortened: the request for a summary of one, and the summary in the place of its messages.
// The official package does both for whoever calls `compactBeforeNextTurn` of its runner.

import type { ChatRequest, Message } from "../../contract/chat-request.ts";
import type { FinishReason } from "../../contract/events.ts";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { invalid } from "../check-body.ts";
import { changesIn } from "./changed-tools.ts";
import { parseContent } from "./parse-content.ts";
import { encodeStop } from "./reply-fields.ts";

/** The block that holds a summary, and why a message with one has ended. */
export const compaction = "compaction";

const instructions =
  "Summarize this conversation. The summary takes the place of all messages above, and you will go on from it alone: keep " +
  "what was asked for, what was decided, done and found out, every name, number and piece of text that is still needed, and " +
  "what remains to be done. Answer with the summary and nothing else.";

export function asksForSummary({ body }: ChatRequest): boolean {
  return isJsonObject(body[compaction]);
}

/**
 * The question that a summary answers, behind the conversation. What shapes other replies has no say in it.
 * @throws {GatewayError} `invalid-request` for a compaction of another kind
 */
export function withSummaryQuestion(request: ChatRequest): ChatRequest {
  const config = request.body[compaction];
  if (config === undefined || config === null) return request;
  if (!isJsonObject(config)) throw invalid(compaction, `Invalid request: "${compaction}" must be an object`);
  if (config["type"] !== "summarize") {
    throw invalid(`${compaction}.type`, `Invalid request: "${compaction}.type" must be summarize`);
  }
  const own = config["instructions"];
  const text = typeof own === "string" && own.trim() !== "" ? own : instructions;
  const { format: _format, stopSequences: _stopSequences, ...kept } = request;
  return {
    ...kept,
    messages: [...request.messages, { role: "user", content: [{ type: "text", text }] }],
    isBare: true,
    toolChoice: request.tools.length === 0 ? undefined : "none",
    webSearch: undefined,
  };
}

/**
 * What takes the place of a conversation was said by nobody in it, and is what the model goes on from: the user tells it.
 * @returns undefined for a block that failed to hold a summary
 * @throws {GatewayError} `invalid-request`
 */
export function parseSummary({ content }: JsonObject, path: string): Message | undefined {
  if (content === undefined || content === null || content === "") return undefined;
  const heading = { type: "text" as const, text: "Summary of the conversation so far:\n" };
  return { role: "user", content: [heading, ...parseContent(content, `${path}.content`)] };
}

/** One block in place of all that a message says, and why it ended. */
export function encodeSummary({ body }: ChatRequest, text: string, finishReason: FinishReason) {
  // One that was cut off would be all that is left of the conversation: without any the client keeps its messages.
  const isWhole = finishReason === "stop" && text.trim() !== "";
  const block: { readonly [field: string]: Json } = {
    type: compaction,
    content: isWhole ? text : null,
    encrypted_content: null,
    // The messages that brought or took tools are gone with the rest. They came out of JSON.parse.
    tool_changes: changesIn(body["messages"]) as readonly Json[],
  };
  return { block, stop: { ...encodeStop(finishReason, undefined), ...(isWhole ? { stop_reason: compaction } : {}) } };
}
