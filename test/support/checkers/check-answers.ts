// Whole answers of each protocol, as strict as the strictest of their clients.

import { finishReasons, mustBeUsage } from "./chat-parts.ts";
import { mustBeCall, mustBeFirstUsage, mustBeMessage, mustBeStop } from "./check-messages-stream.ts";
import { at, isObject, isText, isUnixSeconds, listAt, parsesAsJson, Problems } from "./problems.ts";
import { mustBeOutput, mustBeResponse } from "./response-parts.ts";

/** @returns what is wrong with an answer of POST /v1/chat/completions */
export function checkChatAnswer(value: unknown): string[] {
  const problems = new Problems();
  mustHaveEnvelope(value, "chat.completion", problems);
  const choice = at(value, "choices", 0);
  const message = at(choice, "message");
  problems.must(at(message, "role") === "assistant", "a message has no role");
  const calls = listAt(message, "tool_calls");
  const content = at(message, "content");
  const mayBeNull = calls.length > 0;
  problems.must(typeof content === "string" || (mayBeNull && content === null), "the content is no text");
  const isCut = ["length", "content_filter"].includes(String(at(choice, "finish_reason")));
  for (const call of calls) mustBeWholeCall(call, isCut, problems);
  if (isCut) return problems.found;
  problems.must(
    (at(choice, "finish_reason") === "tool_calls") === calls.length > 0,
    `finish_reason is "${String(at(choice, "finish_reason"))}" ${calls.length > 0 ? "with" : "without"} calls`,
  );
  return problems.found;
}

function mustBeWholeCall(call: unknown, isCut: boolean, problems: Problems): void {
  problems.must(isText(at(call, "id")), "a call has no id");
  problems.must(at(call, "type") === "function", "a call has no type");
  problems.must(isText(at(call, "function", "name")), "a call has no name");
  const text = at(call, "function", "arguments");
  problems.must(typeof text === "string", "the arguments of a call are no text");
  problems.must(text !== "", 'a call without arguments is "" and not "{}"');
  problems.must(isCut || parsesAsJson(text), "the arguments of a call are no JSON");
}

/** @returns what is wrong with an answer of POST /v1/completions */
export function checkCompletionAnswer(value: unknown): string[] {
  const problems = new Problems();
  mustHaveEnvelope(value, "text_completion", problems);
  problems.must(typeof at(value, "choices", 0, "text") === "string", "a choice has no text");
  problems.must(at(value, "choices", 0, "logprobs") === null, "a choice has no logprobs");
  problems.must(at(value, "choices", 0, "finish_reason") !== "tool_calls", "a text ends with calls");
  return problems.found;
}

function mustHaveEnvelope(value: unknown, object: string, problems: Problems): void {
  problems.must(isText(at(value, "id")), "an answer has no id");
  problems.must(at(value, "object") === object, "an answer has not its object");
  problems.must(isUnixSeconds(at(value, "created")), "an answer was not created at a second");
  problems.must(isText(at(value, "model")), "an answer has no model");
  problems.must(listAt(value, "choices").length === 1, "an answer has not one choice");
  problems.must(at(value, "choices", 0, "index") === 0, "a choice has not the index 0");
  const finish = at(value, "choices", 0, "finish_reason");
  problems.must(isText(finish), "no finish_reason");
  problems.must(!isText(finish) || finishReasons.has(finish), `finish_reason is unknown: ${String(finish)}`);
  const usage = at(value, "usage");
  problems.must(isObject(usage), "no usage");
  if (isObject(usage)) mustBeUsage(usage, problems);
}

/** @returns what is wrong with an answer of POST /v1/messages */
export function checkMessageAnswer(value: unknown): string[] {
  const problems = new Problems();
  mustBeMessage(value, problems);
  const blocks = listAt(value, "content");
  problems.must(Array.isArray(at(value, "content")), "a message has no content");
  for (const block of blocks) mustBeBlock(block, problems);
  const hasCalls = blocks.some((block) => at(block, "type") === "tool_use");
  mustBeStop(value, hasCalls, problems);
  mustBeFirstUsage(at(value, "usage"), problems);
  return problems.found;
}

function mustBeBlock(block: unknown, problems: Problems): void {
  switch (at(block, "type")) {
    case "text":
      return problems.must(isText(at(block, "text")), "a block of text is empty");
    case "thinking":
      problems.must(typeof at(block, "thinking") === "string", "thoughts have no text");
      return problems.must(isText(at(block, "signature")), "thoughts have no signature");
    case "tool_use":
      return mustBeCall(block, problems);
    default:
      return problems.must(false, `a block is of no known type: ${String(at(block, "type"))}`);
  }
}

/** @returns what is wrong with an answer of POST /v1/responses */
export function checkResponseAnswer(value: unknown): string[] {
  const problems = new Problems();
  const status = at(value, "status") === "incomplete" ? "incomplete" : "completed";
  mustBeResponse(value, status, problems);
  mustBeOutput(value, problems);
  return problems.found;
}
