// Anthropic's messages: POST /v1/messages, and the count of what one would cost.

import type { ChatReply } from "../../contract/chat-reply.ts";
import type { ChatRequest, ToolCall } from "../../contract/chat-request.ts";
import type { Json } from "../../contract/json.ts";
import type { Surface } from "../../contract/surface.ts";
import { estimatePrompt } from "../../conversation/estimate-prompt.ts";
import { encodeCallId } from "./call-ids.ts";
import { anthropicErrorBody, anthropicStatuses } from "./error-body.ts";
import { asksForSummary, encodeSummary } from "./compaction.ts";
import { createEncoder } from "./create-encoder.ts";
import { parseCountRequest, parseRequest, surfaceName } from "./parse-request.ts";
import {
  encodeCitation,
  encodeStop,
  encodeUsage,
  hidesThoughts,
  messageId,
  parseInput,
  signatureOf,
} from "./reply-fields.ts";

export const anthropicMessages: Surface = {
  name: surfaceName,
  routes: [{ method: "POST", path: "/v1/messages" }],
  ownAnswers: [
    { method: "POST", path: "/v1/messages/count_tokens", parseRequest: parseCountRequest, answer: countTokens },
  ],
  statuses: anthropicStatuses,
  clientHeader: "anthropic-version",
  parseRequest,
  createEncoder,
  encodeReply,
  encodeError: anthropicErrorBody,
};

export function encodeReply(request: ChatRequest, reply: ChatReply): Json {
  const { content, stop } = asksForSummary(request) ? summaryIn(request, reply) : contentOf(request, reply);
  return {
    id: messageId(reply.identity),
    type: "message",
    role: "assistant",
    model: reply.identity.model,
    content,
    ...stop,
    usage: encodeUsage(reply.usage),
  };
}

interface ReplyContent {
  readonly content: readonly Json[];
  readonly stop: Readonly<Record<string, Json>>;
}

function summaryIn(request: ChatRequest, { text, finishReason }: ChatReply): ReplyContent {
  const { block, stop } = encodeSummary(request, text, finishReason);
  return { content: [block], stop };
}

function contentOf(request: ChatRequest, reply: ChatReply): ReplyContent {
  const { identity, reasoning, refusal, toolCalls, sources } = reply;
  const text = refusal ?? reply.text;
  const content: Json[] = [];
  if (reasoning !== "") {
    const thinking = hidesThoughts(request) ? "" : reasoning;
    content.push({ type: "thinking", thinking, signature: signatureOf(identity) });
  }
  const citations = sources.length === 0 ? {} : { citations: sources.map(encodeCitation) };
  if (text !== "") content.push({ type: "text", text, ...citations });
  content.push(...toolCalls.map(encodeToolCall));
  return {
    content,
    stop: encodeStop(refusal === undefined ? reply.finishReason : "content_filter", reply.stopSequence),
  };
}

function encodeToolCall({ callId, toolName, argumentsText }: ToolCall): Json {
  return { type: "tool_use", id: encodeCallId(callId), name: toolName, input: parseInput(argumentsText) ?? {} };
}

function countTokens(request: ChatRequest): Json {
  return { input_tokens: estimatePrompt(request) };
}
