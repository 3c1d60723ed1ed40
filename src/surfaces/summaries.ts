// Conversations that a client has shortened: how a summary of one is asked for, and told to the model that goes on from it.

import type { ChatRequest, ContentPart, Message } from "../contract/chat-request.ts";
import type { FinishReason } from "../contract/events.ts";

const instructions =
  "Summarize this conversation. The summary takes the place of all messages above, and you will go on from it alone: keep " +
  "what was asked for, what was decided, done and found out, every name, number and piece of text that is still needed, and " +
  "what remains to be done. Answer with the summary and nothing else.";

/**
 * The question that a summary answers, behind the conversation. What shapes other replies has no say in it.
 * @param own the client's words for it
 */
export function askForSummary(request: ChatRequest, own?: string): ChatRequest {
  const { format: _format, stopSequences: _stopSequences, ...kept } = request;
  return {
    ...kept,
    messages: [...request.messages, { role: "user", content: [{ type: "text", text: own ?? instructions }] }],
    isBare: true,
    toolChoice: request.tools.length === 0 ? undefined : "none",
    webSearch: undefined,
  };
}

/** What takes the place of a conversation was said by nobody in it, and is what the model goes on from: the user tells it. */
export function toldSummary(content: readonly ContentPart[]): Message {
  return { role: "user", content: [{ type: "text", text: "Summary of the conversation so far:\n" }, ...content] };
}

/** One that was cut off would be all that is left of the conversation: without any the client keeps its messages. */
export function isWholeSummary(text: string, finishReason: FinishReason): boolean {
  return finishReason === "stop" && text.trim() !== "";
}
