// A guess at the tokens of a prompt, message by message, for whoever has to leave some out. It knows no template: what a
// server counts goes before.

import type { ChatRequest, ContentPart, Message, ToolDefinition } from "../contract/chat-request.ts";
import { onceFor } from "../contract/once-for.ts";
import { estimatedTokensOf, estimateTokens } from "./estimate-tokens.ts";
import { GrownSums } from "./grown-lists.ts";
import { LongText } from "./long-text.ts";

/** Role and separators, as Qwen's templates write them (`<|im_start|>user ... <|im_end|>`). */
const tokensAroundMessage = 4;
/** Qwen's vision models take 4 to 1280 for a picture unless they are told otherwise, and most pictures are large. */
const tokensPerImage = 1000;
/** Files travel in base64. */
const bytesPerBase64Character = 3 / 4;

type Prompt = Pick<ChatRequest, "messages" | "tools">;
/** Long ones are decoded only where they are looked at. */
type Text = string | LongText;
type Measure = (text: Text) => number;

export function estimatePrompt({ messages, tools }: Prompt): number {
  let tokens = estimateTools(tools) + estimatesOfSaid.until(messages, messages.length);
  for (const message of messages) if (message.role === "system") tokens += estimateSystem(message);
  return tokens;
}

/** What was said before is not read again (grown-lists.ts). */
const estimatesOfSaid = new GrownSums((messages: readonly Message[]) =>
  messages.map((message) => (message.role === "system" ? 0 : estimateMessage(message))),
);
const estimateSystem = onceFor(estimateMessage);

/** So many characters of what was not seen before are looked at, however long the prompt: 0.3 ms. */
const sampledChars = 32_768;
/** The same of a system message. */
const sampledSystemChars = 8192;
const sampleChars = 256;

/**
 * The same by samples that lie evenly in the messages of a long prompt, for who begins to answer: a session's turns cost the
 * same however long it grows.
 */
export function estimatePromptRoughly({ messages, tools }: Prompt): number {
  let tokens = estimateTools(tools) + roughEstimatesOfSaid.until(messages, messages.length);
  for (const message of messages) if (message.role === "system") tokens += estimateSystemRoughly(message);
  return Math.ceil(tokens);
}

const roughEstimatesOfSaid = new GrownSums((messages: readonly Message[]) => {
  return estimateRoughly(
    messages.map((message) => (message.role === "system" ? undefined : message)),
    sampledChars,
  );
});
const estimateSystemRoughly = onceFor((message: Message) => estimateRoughly([message], sampledSystemChars)[0] ?? 0);

/** Of each of them; undefined are nothing. Each has as many tokens for its characters as the samples of all together. */
function estimateRoughly(messages: readonly (Message | undefined)[], mostChars: number): readonly number[] {
  const texts: Text[] = [];
  let size = 0;
  const sizes: number[] = [];
  const rests: number[] = [];
  for (const message of messages) {
    const before = size;
    const rest =
      message === undefined
        ? 0
        : measureMessage(message, (text) => {
            texts.push(text);
            size += sizeOf(text);
            return 0;
          });
    sizes.push(size - before);
    rests.push(rest);
  }
  if (size <= mostChars) return messages.map((message) => (message === undefined ? 0 : estimateMessage(message)));
  const tokensPerChar = sampleTexts(texts, size, mostChars);
  return sizes.map((chars, index) => rests[index]! + chars * tokensPerChar);
}

/**
 * @param size of all of them
 * @returns tokens a character
 */
function sampleTexts(texts: readonly Text[], size: number, mostChars: number): number {
  const step = (size * sampleChars) / mostChars;
  let next = step / 2;
  let start = 0;
  let sampledTokens = 0;
  let sampledSize = 0;
  for (const text of texts) {
    const length = sizeOf(text);
    for (; next < start + length; next += step) {
      const from = Math.floor(Math.max(0, Math.min(next - start, length - sampleChars)));
      const to = Math.min(length, from + sampleChars);
      sampledTokens += estimateTokens(typeof text === "string" ? text.slice(from, to) : text.excerpt(from, to));
      sampledSize += to - from;
    }
    start += length;
  }
  return sampledTokens / sampledSize;
}

function sizeOf(text: Text): number {
  return typeof text === "string" ? text.length : text.json.length;
}

function estimateText(text: Text): number {
  return estimateTokens(typeof text === "string" ? text : text.decode());
}

export function estimateMessages(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + estimateMessage(message), 0);
}

export function estimateMessage(message: Message): number {
  return measureMessage(message, estimateText);
}

/** Agents send the same tools with each request (known-tools.ts). */
export const estimateTools = onceFor((tools: readonly ToolDefinition[]): number =>
  tools.length === 0 ? 0 : estimateTokens(JSON.stringify(tools)),
);

/** Thoughts count for nothing: templates leave those of earlier answers out. */
function measureMessage(message: Message, measure: Measure): number {
  let tokens = tokensAroundMessage;
  for (const part of message.content) tokens += measurePart(part, measure);
  if (message.role !== "assistant") return tokens;
  for (const { toolName, argumentsText } of message.toolCalls) tokens += measure(toolName + argumentsText);
  return tokens;
}

function measurePart(part: ContentPart, measure: Measure): number {
  switch (part.type) {
    case "text":
      return measure(part instanceof LongText ? part : part.text);
    case "image":
    case "media":
      return tokensPerImage;
    case "file":
      return estimatedTokensOf(part.url.length * bytesPerBase64Character);
    default:
      return part satisfies never;
  }
}
