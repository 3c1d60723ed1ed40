// The response object and its items, streamed or whole: the fields that clients read unasked.

import { at, isCount, isObject, isText, isUnixSeconds, listAt, parsesAsJson, type Problems } from "./problems.ts";

export function mustBeResponse(response: unknown, status: string, problems: Problems): void {
  problems.must(/^resp_\w+$/.test(String(at(response, "id"))), "a response has no id");
  problems.must(at(response, "object") === "response", "a response has not its object");
  problems.must(isUnixSeconds(at(response, "created_at")), "a response was not created at a second");
  problems.must(isText(at(response, "model")), "a response has no model");
  problems.must(at(response, "status") === status, `the status of a response is not "${status}"`);
  for (const field of ["output", "tools"]) {
    problems.must(Array.isArray(at(response, field)), `a response has no ${field}`);
  }
  for (const field of ["tool_choice", "parallel_tool_calls", "incomplete_details", "error", "usage"]) {
    problems.must(at(response, field) !== undefined, `a response has no ${field}`);
  }
  const error = at(response, "error");
  const isTold = isText(at(error, "code")) && isText(at(error, "message"));
  problems.must(status === "failed" ? isTold : error === null, "the error of a response does not fit its status");
  const reason = at(response, "incomplete_details", "reason");
  problems.must(isText(reason) === (status === "incomplete"), "incomplete_details do not fit the status");
  if (status === "completed" || status === "incomplete") mustBeUsage(at(response, "usage"), problems);
}

function mustBeUsage(usage: unknown, problems: Problems): void {
  const counts = [
    at(usage, "input_tokens"),
    at(usage, "input_tokens_details", "cached_tokens"),
    at(usage, "input_tokens_details", "cache_write_tokens"),
    at(usage, "output_tokens"),
    at(usage, "output_tokens_details", "reasoning_tokens"),
    at(usage, "total_tokens"),
  ];
  problems.must(isObject(usage), "no usage");
  problems.must(!isObject(usage) || counts.every(isCount), "the usage is not whole");
}

/** Calls of tools of OpenAI's own that the client runs, and where what they are to do stands. */
export const ownCalls: Readonly<Record<string, string>> = {
  shell_call: "action",
  local_shell_call: "action",
  apply_patch_call: "operation",
};

export function mustBeItem(item: unknown, problems: Problems): void {
  const type = String(at(item, "type"));
  problems.must(isText(at(item, "id")), "an item has no id");
  if (type === "reasoning") return;
  if (type === "compaction") {
    return problems.must(isText(at(item, "encrypted_content")), "a compaction has no encrypted_content");
  }
  problems.must(isText(at(item, "status")), "an item has no status");
  if (type === "message") return problems.must(at(item, "role") === "assistant", "a message has no role");
  problems.must(isText(at(item, "call_id")), "no call_id");
  problems.must(at(item, "call_id") !== at(item, "id"), "the call_id is the id");
  if (type === "tool_search_call") {
    return problems.must(Object(at(item, "arguments")) === at(item, "arguments"), "a search has no arguments");
  }
  if (type in ownCalls) return problems.must(isObject(at(item, ownCalls[type]!)), `a call has no ${ownCalls[type]}`);
  problems.must(isText(at(item, "name")), "a call has no name");
}

/** All items of an answer that has ended. */
export function mustBeOutput(response: unknown, problems: Problems): void {
  const items = listAt(response, "output");
  const ids = new Set(items.map((item) => at(item, "id")));
  problems.must(ids.size === items.length, "two items have one id");
  for (const item of items) {
    mustBeItem(item, problems);
    const isWhole = at(item, "status") === "completed";
    if (at(item, "type") === "function_call" && isWhole) {
      problems.must(parsesAsJson(at(item, "arguments")), "the arguments of a call are no JSON");
    }
    if (at(item, "type") === "message") mustBeParts(listAt(item, "content"), problems);
  }
}

function mustBeParts(parts: readonly unknown[], problems: Problems): void {
  problems.must(parts.length > 0, "a message has no part");
  for (const part of parts) {
    if (at(part, "type") === "refusal") {
      problems.must(isText(at(part, "refusal")), "a refusal is empty");
      continue;
    }
    problems.must(at(part, "type") === "output_text", "a part is no text");
    problems.must(isText(at(part, "text")), "a part of text is empty");
    problems.must(Array.isArray(at(part, "annotations")), "a part of text has no annotations");
  }
}
