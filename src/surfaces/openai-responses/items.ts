// The items of an answer, and their ids: the same whether it is streamed or whole, and each tells which answer it is of.

import type { ReplyIdentity, Source } from "../../contract/events.ts";
import { parseExact } from "../../contract/exact-json.ts";
import { isJsonObject, type Json } from "../../contract/json.ts";
import { customInput } from "../custom-tools.ts";
import { type Citation, citationsIn } from "../url-citations.ts";
import { clientToolKind, encodeClientCall } from "./client-tools.ts";
import type { DeclaredTool } from "./parse-tools.ts";

/** Type aliases, not interfaces, so that they count as `Json`. */
export type OutputItem = { readonly id: string; readonly type: string; readonly [field: string]: Json };
export type ItemStatus = "in_progress" | "completed" | "incomplete";

export function responseId(identity: Pick<ReplyIdentity, "replyId">): string {
  return `resp_${identity.replyId}`;
}

/** The inverse of `responseId`. */
export function replyIdOf(responseId: string): string {
  return responseId.slice(responseId.indexOf("_") + 1);
}

export function isResponseId(id: string): boolean {
  return id.startsWith("resp_");
}

const placeDigits = 4;
/** What came in is counted from here on, so that its ids are nobody else's. */
export const firstInputPlace = 0x8000;

export function itemId(kind: string, identity: Pick<ReplyIdentity, "replyId">, place: number): string {
  return `${kind}_${identity.replyId}${place.toString(16).padStart(placeDigits, "0")}`;
}

/** Which answer an item was part of. Undefined: its id is not one of ours. */
export function responseIdOf(id: string): string | undefined {
  const [, replyId] = /^[a-z]+_([0-9a-f]{32})[0-9a-f]{4}$/.exec(id) ?? [];
  return replyId === undefined ? undefined : `resp_${replyId}`;
}

export function textPart(text: string, sources: readonly Source[]): Json {
  return { type: "output_text", text, annotations: citationsIn(text, sources).map(encodeCitation), logprobs: [] };
}

export function refusalPart(refusal: string): Json {
  return { type: "refusal", refusal };
}

export function encodeCitation({ source: { url, title }, start, end }: Citation): Json {
  return { type: "url_citation", url, title, start_index: start, end_index: end };
}

export function messageItem(id: string, status: ItemStatus, content: readonly Json[]): OutputItem {
  return { id, type: "message", status, role: "assistant", content };
}

export function summaryPart(text: string): Json {
  return { type: "summary_text", text };
}

export function reasoningItem(id: string, summary: readonly Json[], isSealedAsked: boolean): OutputItem {
  // Nothing here is sealed: what is thought stands in the summary.
  return { id, type: "reasoning", summary, ...(isSealedAsked ? { encrypted_content: null } : {}) };
}

export interface ItemCall {
  readonly callId: string;
  readonly toolName: string;
  readonly argumentsText: string;
}

/** In the words in which its client declared the tool. @param tool undefined: it declared none of that name */
export function callItem(id: string, status: ItemStatus, call: ItemCall, tool: DeclaredTool | undefined): OutputItem {
  const { callId, argumentsText } = call;
  const name = tool?.ownName ?? call.toolName;
  const namespace = tool?.namespace === undefined ? {} : { namespace: tool.namespace };
  if (tool?.kind === "search") {
    const searched = { call_id: callId, execution: "client", arguments: argumentsObject(argumentsText) };
    return { id, type: "tool_search_call", status, ...searched };
  }
  if (tool?.kind === "custom") {
    const input = status === "in_progress" ? "" : customInput(argumentsText);
    return { id, type: "custom_tool_call", status, call_id: callId, name, ...namespace, input };
  }
  const kind = clientToolKind(tool?.kind);
  if (kind !== undefined) {
    const fields = encodeClientCall(kind, argumentsObject(argumentsText));
    // OpenAI's type knows no patch that is cut off (2026-11).
    const told = kind === "apply_patch" && status === "incomplete" ? "in_progress" : status;
    return { id, type: `${kind}_call`, status: told, call_id: callId, ...fields };
  }
  return { id, type: "function_call", status, arguments: argumentsText, call_id: callId, name, ...namespace };
}

/** What the ids of its calls begin with. */
export const callPrefixes: Readonly<Record<DeclaredTool["kind"], string>> = {
  function: "fc",
  custom: "ctc",
  search: "tsc",
  shell: "sh",
  local_shell: "lsh",
  apply_patch: "apc",
};

/** An object, and not its text. */
export function argumentsObject(argumentsText: string): { readonly [field: string]: Json } {
  try {
    const value = parseExact(argumentsText);
    // Came out of JSON.parse.
    return isJsonObject(value) ? (value as { readonly [field: string]: Json }) : {};
  } catch {
    // None yet, or broken.
    return {};
  }
}

/** No arguments are an empty object: clients parse them. */
export function wholeArguments(argumentsText: string): string {
  return argumentsText === "" ? "{}" : argumentsText;
}
