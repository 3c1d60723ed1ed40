// A guess at the tokens of a prompt, message by message, for whoever has to leave some out. It knows no template: what a
// server counts goes before.

import type { ChatRequest, ContentPart, Message, ToolDefinition } from "../contract/chat-request.ts";
import { estimatedTokensOf, estimateTokens } from "./estimate-tokens.ts";

/** Role and separators, as Qwen's templates write them (`<|im_start|>user ... <|im_end|>`). */
const tokensAroundMessage = 4;
/** Qwen's vision models take 4 to 1280 for a picture unless they are told otherwise, and most pictures are large. */
const tokensPerImage = 1000;
/** Files travel in base64. */
const bytesPerBase64Character = 3 / 4;

export function estimatePrompt({ messages, tools }: Pick<ChatRequest, "messages" | "tools">): number {
  return estimateMessages(messages) + estimateTools(tools);
}

export function estimateMessages(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + estimateMessage(message), 0);
}

/** Thoughts count for nothing: templates leave those of earlier answers out. */
export function estimateMessage(message: Message): number {
  let tokens = tokensAroundMessage;
  for (const part of message.content) tokens += estimatePart(part);
  if (message.role !== "assistant") return tokens;
  for (const { toolName, argumentsText } of message.toolCalls) tokens += estimateTokens(toolName + argumentsText);
  return tokens;
}

export function estimateTools(tools: readonly ToolDefinition[]): number {
  return tools.length === 0 ? 0 : estimateTokens(JSON.stringify(tools));
}

function estimatePart(part: ContentPart): number {
  switch (part.type) {
    case "text":
      return estimateTokens(part.text);
    case "image":
    case "media":
      return tokensPerImage;
    case "file":
      return estimatedTokensOf(part.url.length * bytesPerBase64Character);
    default:
      return part satisfies never;
  }
}
