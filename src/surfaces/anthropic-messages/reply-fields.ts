// What a message says of itself, streamed or whole: its id, its counts, why it ended, and what its thoughts are signed with.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { FinishReason, ReplyIdentity, Source, TokenUsage } from "../../contract/events.ts";
import { parseExact } from "../../contract/exact-json.ts";
import { isJsonObject, type Json } from "../../contract/json.ts";

export function messageId(identity: ReplyIdentity): string {
  return `msg_${identity.replyId}`;
}

/** Opaque to clients, which only send it back. Nothing is read out of it. */
export function signatureOf(identity: ReplyIdentity): string {
  return Buffer.from(`thoughts of ${messageId(identity)}`).toString("base64");
}

/** The client wants to know that there were thoughts, and none of their text. */
export function hidesThoughts({ body }: ChatRequest): boolean {
  const thinking = body["thinking"];
  return isJsonObject(thinking) && thinking["display"] === "omitted";
}

/** A page that a text is from. What clients would send back sealed there is not: it is nothing. */
export function encodeCitation({ url, title, snippet }: Source) {
  return {
    type: "web_search_result_location",
    url,
    title,
    cited_text: snippet ?? title,
    encrypted_index: "",
  };
}

/**
 * What was read from a cache is not part of `input_tokens` in this protocol.
 * @see https://docs.anthropic.com/en/api/messages
 */
export function encodeUsage({ inputTokens, outputTokens, cachedTokens = 0, reasoningTokens }: TokenUsage) {
  return {
    input_tokens: Math.max(0, inputTokens - cachedTokens),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    output_tokens: outputTokens,
    ...(reasoningTokens === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoningTokens } }),
  };
}

/** Undefined: no arguments, or no object, whatever the model wrote. There is nothing that a tool could be given. */
export function parseInput(argumentsText: string): { readonly [key: string]: Json } | undefined {
  try {
    const input = parseExact(argumentsText);
    // Came out of JSON.parse.
    return isJsonObject(input) ? (input as { readonly [key: string]: Json }) : undefined;
  } catch {
    // Cut off in their middle, or broken.
    return undefined;
  }
}

const stopReasons: Readonly<Record<FinishReason, string>> = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
  content_filter: "refusal",
};

/** @param stopSequence the client's mark at which the reply was cut, if it was */
export function encodeStop(finishReason: FinishReason, stopSequence: string | undefined): Record<string, Json> {
  // Whoever has calls to run runs them, wherever the text ended.
  if (stopSequence === undefined || finishReason !== "stop") {
    return { stop_reason: stopReasons[finishReason], stop_sequence: null };
  }
  return { stop_reason: "stop_sequence", stop_sequence: stopSequence };
}
