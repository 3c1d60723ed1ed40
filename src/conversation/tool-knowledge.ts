// What an upstream that keeps conversations knows of a request's tools, and what it knows after the turn.

import type { ChatRequest, Message } from "../contract/chat-request.ts";
import type { ToolKnowledge } from "../contract/upstream.ts";
import { GrownSums } from "./grown-lists.ts";
import { LongText } from "./long-text.ts";

/**
 * Each time that so many characters have been said in a conversation, its tools count as forgotten once: about 25,000
 * tokens, some two turns of an agent that reads long files, or a hundred of one that talks.
 */
export const reminderChars = 100_000;

/**
 * @param current hashes of the request's tools
 * @param told hashes of those that the upstream was told last
 * @param unseenFrom index of the first message that the upstream has not seen
 */
export function toolKnowledge(
  messages: readonly Message[],
  current: readonly string[],
  told: readonly string[],
  unseenFrom: number,
): ToolKnowledge {
  if (current.length === 0) return told.length === 0 ? "known" : "gone";
  if (told.length === 0) return "unknown";
  if (!isSameSet(current, told)) return "changed";
  return isDistant(messages, unseenFrom) ? "distant" : "known";
}

/** What the upstream will have been told when the turn has ended. */
export function toldTools(
  { toolChoice }: ChatRequest,
  current: readonly string[],
  told: readonly string[],
): readonly string[] {
  return current.length === 0 || toolChoice === "none" ? told : current;
}

/** The order of tools means nothing. */
function isSameSet(current: readonly string[], told: readonly string[]): boolean {
  const known = new Set(told);
  return new Set(current).size === known.size && current.every((hash) => known.has(hash));
}

/** Known from the history alone, so that nothing has to be remembered: a multiple of the length was passed by this turn. */
function isDistant(messages: readonly Message[], unseenFrom: number): boolean {
  let lastAnswer = unseenFrom;
  while (lastAnswer > 0 && messages[lastAnswer - 1]?.role !== "user" && messages[lastAnswer - 1]?.role !== "tool") {
    lastAnswer--;
  }
  const before = chars.until(messages, lastAnswer);
  const all = chars.until(messages, messages.length);
  return Math.floor(before / reminderChars) < Math.floor(all / reminderChars);
}

const chars = new GrownSums((messages: readonly Message[]) => messages.map(charsOf));

function charsOf(message: Message): number {
  if (message.role === "system") return 0;
  let sum = 0;
  for (const part of message.content) {
    // Long texts are not decoded for this.
    if (part instanceof LongText) sum += part.json.length;
    else if (part.type === "text") sum += part.text.length;
  }
  if (message.role === "assistant") for (const call of message.toolCalls) sum += call.argumentsText.length;
  return sum;
}
