// Short hands for histories, and the fingerprints of a history as its next request would look them up.

import type { ContentPart, Message, ToolCall, ToolDefinition } from "../../../src/contract/chat-request.ts";
import { fingerprintHistory } from "../../../src/conversation/fingerprints.ts";
import type { HistoryPrefix } from "../../../src/conversation/history-prefix.ts";

export const textPart = (text: string): ContentPart => ({ type: "text", text });
const parts = (texts: readonly string[]): ContentPart[] => texts.map(textPart);

export const system = (...texts: string[]): Message => ({ role: "system", content: parts(texts) });
export const user = (...texts: string[]): Message => ({ role: "user", content: parts(texts) });
export const assistant = (text: string | undefined, ...toolCalls: ToolCall[]): Message => ({
  role: "assistant",
  content: text === undefined ? [] : [textPart(text)],
  toolCalls,
});
export const call = (callId: string, toolName: string, argumentsText: string): ToolCall => ({
  callId,
  toolName,
  argumentsText,
});
export const result = (callId: string, ...texts: string[]): Message => ({
  role: "tool",
  callId,
  content: parts(texts),
});

/** The longest prefix when the user says one thing more. */
export function prefixOf(
  messages: readonly Message[],
  caller = "local",
  tools: readonly ToolDefinition[] = [],
): HistoryPrefix {
  const prefix = fingerprintHistory(caller, [...messages, user("and then?")], tools).prefixes[0];
  if (prefix === undefined) throw new Error("the history has no assistant turn");
  return prefix;
}
