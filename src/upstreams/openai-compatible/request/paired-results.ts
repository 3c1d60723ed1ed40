// A history in which each call has its result behind it, and each result its call: agents that were interrupted or that have
// shortened it leave some alone, and servers that look for them refuse every further turn (DashScope, OpenAI). Pure.

import { flattenText, type Message } from "../../../contract/chat-request.ts";

type Result = Extract<Message, { readonly role: "tool" }>;

/** The same list where nothing is missing. */
export function pairResults(messages: readonly Message[]): readonly Message[] {
  const paired: Message[] = [];
  for (let at = 0; at < messages.length;) {
    const message = messages[at]!;
    let end = at + 1;
    while (end < messages.length && messages[end]!.role !== "assistant") end++;
    const calls = message.role === "assistant" ? message.toolCalls : [];
    const behind = messages.slice(message.role === "assistant" ? at + 1 : at, end);
    if (message.role === "assistant") paired.push(message);
    const results = behind.filter((other): other is Result => other.role === "tool");
    const placed = new Set<Message>();
    for (const { callId } of calls) {
      const found = results.find((result) => result.callId === callId && !placed.has(result)) ?? missing(callId);
      placed.add(found);
      paired.push(found);
    }
    for (const other of behind) {
      if (other.role !== "tool") paired.push(other);
      else if (!placed.has(other)) paired.push(alone(other));
    }
    at = end;
  }
  const isSame = paired.length === messages.length && paired.every((message, index) => message === messages[index]);
  return isSame ? messages : paired;
}

function missing(callId: string): Result {
  return { role: "tool", callId, content: [{ type: "text", text: "(There is no result: the call was given up.)" }] };
}

function alone(result: Result): Message {
  const text = `(The result of a call that is no longer here:)\n${flattenText(result)}`;
  return { role: "user", content: [{ type: "text", text }, ...result.content.filter(({ type }) => type !== "text")] };
}
