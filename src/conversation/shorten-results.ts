// A history whose old results of tools are shorter: of a long one, beginning and end stay, and a note says how much went.
// Agents read files and run commands all the time; of what they saw long ago they mostly need to know that they saw it.

import type { ContentPart, Message } from "../contract/chat-request.ts";
import { isInPair } from "../contract/excerpt.ts";
import { estimateMessage } from "./estimate-prompt.ts";

export interface ShortenedMessages {
  /** As many as there were, in order; those that did not change are the same objects. */
  readonly messages: readonly Message[];
  /** Estimated, of what is gone. */
  readonly freedTokens: number;
}

/** In characters. Shorter texts stay: there is little to gain. */
const longestKept = 2000;
const headLength = 800;
const tailLength = 400;

/**
 * The oldest first. Results that the model has not answered yet stay whole.
 * @param excessTokens results are shortened until so many are gone, or no long one is left
 */
export function shortenResults(messages: readonly Message[], excessTokens: number): ShortenedMessages {
  // An assistant's message at the very end is no answer but the beginning of one.
  const lastAnswer = messages.slice(0, -1).findLastIndex(({ role }) => role === "assistant");
  let freedTokens = 0;
  const shortened = messages.map((message, index) => {
    if (freedTokens >= excessTokens || index > lastAnswer || message.role !== "tool") return message;
    if (!message.content.some(isLong)) return message;
    const shorter = { ...message, content: message.content.map((part) => (isLong(part) ? shorten(part) : part)) };
    freedTokens += estimateMessage(message) - estimateMessage(shorter);
    return shorter;
  });
  return { messages: shortened, freedTokens };
}

type TextPart = Extract<ContentPart, { type: "text" }>;

function isLong(part: ContentPart): part is TextPart {
  return part.type === "text" && part.text.length > longestKept;
}

function shorten({ text }: TextPart): TextPart {
  const head = text.slice(0, wholeCharacter(text, headLength));
  const tail = text.slice(wholeCharacter(text, text.length - tailLength));
  const left = text.length - head.length - tail.length;
  return { type: "text", text: `${head}\n[... ${left} characters left out ...]\n${tail}` };
}

/** The same place, or the one before it where a character of two units would be cut in two. */
function wholeCharacter(text: string, at: number): number {
  return isInPair(text, at) ? at - 1 : at;
}
