// What servers refuse of a request, as checks that dialects put together. Each says in a comment who told of it.

import { isJsonObject } from "../../contract/json.ts";
import { member } from "../request-log.ts";
import type { ChatRequest } from "./read-request.ts";
import type { Problem, RequestCheck } from "./dialect.ts";

/** @param message of an empty or missing list */
export function needsMessages(message: string): RequestCheck {
  return ({ messages }) =>
    messages.length > 0 ? undefined : { name: "invalid-parameter", message, param: "messages" };
}

export const needsKnownModel: RequestCheck = ({ card }) =>
  card === undefined ? { name: "model-not-found" } : undefined;

export const needsRoom: RequestCheck = ({ promptTokens }, { contextTokens }) =>
  promptTokens > contextTokens ? tooLong(promptTokens, contextTokens) : undefined;

export function tooLong(tokens: number, limit: number): Problem {
  return { name: "context-too-long", tokens, limit };
}

/**
 * Calls are answered by tool messages right behind them, and by nothing else.
 * Texts as DashScope has them (QwenLM/qwen-code#315, #2360, 2025-08 to 2026-03).
 */
export function needsToolOrder(prefix: string): RequestCheck {
  return ({ messages }) => {
    const broken = findBrokenCall(messages);
    if (broken === undefined) return undefined;
    const message =
      broken.kind === "orphan"
        ? `${prefix}messages with role "tool" must be a response to a preceeding message with "tool_calls".`
        : `${prefix}An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id". The following tool_call_ids did not have response messages: message[${broken.at}].role`;
    return { name: "invalid-parameter", message };
  };
}

export interface BrokenCall {
  /** A result without its call, or a call without its result. */
  readonly kind: "orphan" | "unanswered";
  /** Place of the message where it shows. */
  readonly at: number;
}

export function findBrokenCall(messages: ChatRequest["messages"]): BrokenCall | undefined {
  let open = new Set<string>();
  for (const [at, message] of messages.entries()) {
    if (message.role === "tool") {
      if (!open.delete(message.callId ?? "")) return { kind: "orphan", at };
      continue;
    }
    if (open.size > 0) return { kind: "unanswered", at };
    open = new Set(message.calls.map((call) => call.id));
  }
  return open.size > 0 ? { kind: "unanswered", at: messages.length } : undefined;
}

/**
 * The templates of Qwen3.5 and later raise on a system message that is not the first (QwenLM/Qwen3.8#244, 2026-09;
 * vllm#41114, 2026-04), and on a list without a user's message (vllm#36432, 2026-03).
 */
export function rendersTemplate(told: (exception: string) => Problem): RequestCheck {
  return ({ messages }) => {
    const isLate = messages.some(({ role }, index) => role === "system" && index > 0);
    if (isLate) return told("System message must be at the beginning.");
    const isAsked = messages.some(({ role }) => role === "user");
    return isAsked ? undefined : told("No user query found in messages.");
  };
}

export const toolChoiceNeedsTools =
  (message: string): RequestCheck =>
  ({ tools, toolChoice }) => {
    if (toolChoice === "auto" || toolChoice === "none" || tools.length > 0) return undefined;
    return { name: "invalid-parameter", message, param: "tool_choice" };
  };

export const namedToolExists =
  (message: string): RequestCheck =>
  ({ tools, toolChoice }) => {
    if (typeof toolChoice === "string" || tools.some(({ name }) => name === toolChoice.name)) return undefined;
    return { name: "invalid-parameter", message, param: "tool_choice" };
  };

export const streamOptionsNeedStream =
  (message: string): RequestCheck =>
  ({ body, isStream }) =>
    isStream || !isJsonObject(body["stream_options"])
      ? undefined
      : { name: "invalid-parameter", message, param: "stream_options" };

/** Every text that the prompt holds, in lower case. */
export function promptText({ messages }: ChatRequest): string {
  return messages.map(({ text }) => text.toLowerCase()).join("\n");
}

export function responseFormatType({ body }: ChatRequest): unknown {
  return member(body["response_format"], "type");
}
