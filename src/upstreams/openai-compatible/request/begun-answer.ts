// An answer whose beginning the client has written: whether the server is told to go on with it, and how.

import { type ChatRequest, flattenText } from "../../../contract/chat-request.ts";
import type { Body, Dialect } from "../dialect.ts";
import { thinkingOf } from "./thinking.ts";

interface Options {
  readonly dialect: Dialect;
  readonly model: string;
}

/** Words go on, and nothing else: not behind thoughts that are asked for, nor where a call or a form has to come first. */
export function isBegun(request: ChatRequest, { dialect, model }: Options): boolean {
  const { begunAnswers, begunModels } = dialect.request;
  if (request.continuesLast !== true || begunAnswers === "none" || begunModels?.test(model) === false) return false;
  const last = request.messages.at(-1);
  if (last?.role !== "assistant" || last.toolCalls.length > 0 || flattenText(last).trim() === "") return false;
  const thinks = thinkingOf(request) === true || request.reasoning.adaptive === true;
  const { toolChoice = "auto" } = request;
  return !thinks && request.format === undefined && (toolChoice === "auto" || toolChoice === "none");
}

/** Thoughts would stand behind the beginning, and servers take what goes on for them (vLLM #28089, SGLang PR 17065). */
export function withoutThoughts(request: ChatRequest, options: Options): ChatRequest {
  return isBegun(request, options) ? { ...request, reasoning: { ...request.reasoning, enabled: false } } : request;
}

export function addContinuation(body: Body, request: ChatRequest, options: Options): void {
  if (options.dialect.request.begunAnswers !== "continue_final_message" || !isBegun(request, options)) return;
  // One of them alone is refused by vLLM.
  body["continue_final_message"] = true;
  body["add_generation_prompt"] = false;
}
