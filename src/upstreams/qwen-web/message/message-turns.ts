// The messages that a chat has not seen, as what it is told one after the other: results of one answer's calls stand
// together, in the order of the calls and with the names of their tools.

import type { ContentPart, Message, ToolCall } from "../../../contract/chat-request.ts";
import { LongText } from "../../../conversation/long-text.ts";
import { orderResults } from "../../../conversation/order-results.ts";
import { escapeResultText, mayEndResult, openToolResult, toolResultEnd } from "../../../tools/encode-tools.ts";
import type { TextBuilder } from "./message-text.ts";

type ResultMessage = Extract<Message, { readonly role: "tool" }>;

export type MessageTurn =
  | { readonly role: "user"; readonly message: Extract<Message, { readonly role: "user" }> }
  | { readonly role: "assistant"; readonly message: Extract<Message, { readonly role: "assistant" }> }
  | { readonly role: "tool"; readonly results: readonly ResultMessage[]; readonly calls: readonly ToolCall[] };

/** From `start` on, system messages aside. What stands before it tells which calls were made. */
export function messageTurns(messages: readonly Message[], start: number): readonly MessageTurn[] {
  const turns: MessageTurn[] = [];
  let calls: ToolCall[] = [];
  let results: ResultMessage[] | undefined;
  let before: Message["role"] | undefined;
  for (let index = startOfAnswer(messages, start); index < messages.length; index++) {
    const message = messages[index]!;
    if (message.role === "system") continue;
    if (message.role === "assistant") calls = [...(before === "assistant" ? calls : []), ...message.toolCalls];
    before = message.role;
    if (message.role !== "tool") results = undefined;
    if (index < start) continue;
    if (message.role === "user") turns.push({ role: "user", message });
    else if (message.role === "assistant") turns.push({ role: "assistant", message });
    else if (results !== undefined) results.push(message);
    else {
      results = [message];
      turns.push({ role: "tool", results, calls });
    }
  }
  return turns;
}

/** Of the newest one before `end`, whose calls may be answered behind it; `end` where there is none. */
function startOfAnswer(messages: readonly Message[], end: number): number {
  let start = end;
  for (let index = end - 1; index >= 0; index--) {
    const { role } = messages[index]!;
    if (role === "assistant") start = index;
    else if (role !== "system" && start < end) break;
  }
  return start;
}

export function addResults(text: TextBuilder, { results, calls }: Extract<MessageTurn, { role: "tool" }>): void {
  for (const [index, { result, callIndex }] of orderResults(results, calls).entries()) {
    if (index > 0) text.add("\n");
    text.add(openToolResult({ toolName: calls[callIndex]?.toolName, isError: result.isError ?? false }));
    text.addMessage({ ...result, content: result.content.map(asResultPart) });
    text.add(toolResultEnd);
  }
}

/** The backend takes text in results, and nothing else. */
function asResultPart(part: ContentPart): ContentPart {
  switch (part.type) {
    case "image":
      return { type: "text", text: "(An image belongs to this result. It cannot be shown here.)" };
    case "file":
    case "media":
      return { type: "text", text: "(A file belongs to this result. It cannot be shown here.)" };
    default:
      if (part instanceof LongText && !mayEndResult(part.json)) return part;
      return { type: "text", text: escapeResultText(part.text) };
  }
}
