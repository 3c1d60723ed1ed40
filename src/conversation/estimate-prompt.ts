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

type Prompt = Pick<ChatRequest, "messages" | "tools">;
type Measure = (text: string) => number;

export function estimatePrompt(prompt: Prompt): number {
  return measurePrompt(prompt, estimateTokens);
}

/** So many characters are looked at, however long the prompt: 0.3 ms. */
const sampledChars = 32_768;
/** Shorter ones are looked at whole. */
const leastSampledChars = 256;

/** The same by samples of a long prompt, for who begins to answer: a session's turns cost the same however long it grows. */
export function estimatePromptRoughly(prompt: Prompt): number {
  const texts: string[] = [];
  const rest = measurePrompt(prompt, (text) => {
    texts.push(text);
    return 0;
  });
  const chars = texts.reduce((sum, text) => sum + text.length, 0);
  const share = sampledChars / chars;
  return texts.reduce((sum, text) => sum + estimateSample(text, share), rest);
}

/** @param share how much of the text is looked at, in its middle */
function estimateSample(text: string, share: number): number {
  const size = Math.max(leastSampledChars, Math.ceil(text.length * share));
  if (size >= text.length) return estimateTokens(text);
  const from = (text.length - size) >> 1;
  return Math.ceil((estimateTokens(text.slice(from, from + size)) * text.length) / size);
}

export function estimateMessages(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + estimateMessage(message), 0);
}

export function estimateMessage(message: Message): number {
  return measureMessage(message, estimateTokens);
}

export function estimateTools(tools: readonly ToolDefinition[]): number {
  return measureTools(tools, estimateTokens);
}

function measurePrompt({ messages, tools }: Prompt, measure: Measure): number {
  return messages.reduce((sum, message) => sum + measureMessage(message, measure), measureTools(tools, measure));
}

/** Thoughts count for nothing: templates leave those of earlier answers out. */
function measureMessage(message: Message, measure: Measure): number {
  let tokens = tokensAroundMessage;
  for (const part of message.content) tokens += measurePart(part, measure);
  if (message.role !== "assistant") return tokens;
  for (const { toolName, argumentsText } of message.toolCalls) tokens += measure(toolName + argumentsText);
  return tokens;
}

function measureTools(tools: readonly ToolDefinition[], measure: Measure): number {
  return tools.length === 0 ? 0 : measure(JSON.stringify(tools));
}

function measurePart(part: ContentPart, measure: Measure): number {
  switch (part.type) {
    case "text":
      return measure(part.text);
    case "image":
    case "media":
      return tokensPerImage;
    case "file":
      return estimatedTokensOf(part.url.length * bytesPerBase64Character);
    default:
      return part satisfies never;
  }
}
