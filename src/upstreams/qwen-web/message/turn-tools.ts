// What the one message of a turn says of tools: their section where the chat does not know them, and what this turn wants.

import type { ChatRequest } from "../../../contract/chat-request.ts";
import { onceFor } from "../../../contract/once-for.ts";
import type { ToolKnowledge } from "../../../contract/upstream.ts";
import { LongText } from "../../../conversation/long-text.ts";
import { describeToolChoice, describeTools } from "../../../tools/describe-tools.ts";

export interface UnseenTools {
  readonly tools: ToolKnowledge;
  /** The same was asked before, and answered without the call that was demanded. @defaultValue false */
  readonly missedCall?: boolean;
}

/** The client's tools may be called in this turn. */
export function mayCallTools({ tools, toolChoice }: Pick<ChatRequest, "tools" | "toolChoice">): boolean {
  return tools.length > 0 && toolChoice !== "none";
}

/** A call is demanded, not only allowed. */
export function mustCallTools(request: ChatRequest): boolean {
  return mayCallTools(request) && request.toolChoice !== undefined && request.toolChoice !== "auto";
}

/** Paragraphs, with their heading; none when there is nothing to say. */
export function toolSection(
  request: ChatRequest,
  { tools: known, missedCall = false }: UnseenTools,
): readonly (string | LongText)[] {
  // Most requests bring no tools, and their chats know of none.
  if (request.tools.length === 0 && known !== "gone") return nothing;
  const wish = turnWish(request, known, missedCall);
  const isTold = mayCallTools(request) && (known !== "known" || missedCall);
  if (!isTold) return wish === "" ? nothing : [`# Tools\n${wish}`];
  const change = known === "changed" ? "These tools take the place of the earlier ones." : "";
  return [describedTools(request.tools), change, wish].filter((part) => part !== "");
}

const nothing: readonly never[] = [];

/** Agents send the same tools with each request (conversation/known-tools.ts). */
const describedTools = onceFor((tools: ChatRequest["tools"]) => LongText.of(describeTools(tools, undefined)));

/** In sentences; "" when the model is free. */
export function turnWish(request: ChatRequest, known: ToolKnowledge, missedCall = false): string {
  if (request.tools.length === 0) return known === "gone" ? describeToolChoice("none") : "";
  const sentences = [describeToolChoice(request.toolChoice)];
  const isSingle = (request.parallelToolCalls ?? request.body["parallel_tool_calls"]) === false;
  if (isSingle && mayCallTools(request)) sentences.push("Call one tool at most.");
  if (missedCall) sentences.push("Begin your answer with <tool_call>: words alone are no answer this time.");
  return sentences.filter((sentence) => sentence !== "").join(" ");
}
