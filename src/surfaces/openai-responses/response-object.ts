// The response object: what stands in the first and last events of a stream, in a whole answer, and in the store.

import type { ChatReply } from "../../contract/chat-reply.ts";
import type { ChatRequest, ToolCall } from "../../contract/chat-request.ts";
import { stringifyExact } from "../../contract/exact-json.ts";
import type { FinishReason, ReplyIdentity, TokenUsage } from "../../contract/events.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { onceFor } from "../../contract/once-for.ts";
import { customArguments, customInput } from "../custom-tools.ts";
import { encodeError } from "./encode-error.ts";
import { asksForSummary, noSummary, summaryOutput } from "./compaction.ts";
import {
  argumentsObject,
  callItem,
  callPrefixes,
  itemId,
  type ItemStatus,
  messageItem,
  type OutputItem,
  reasoningItem,
  refusalPart,
  responseId,
  summaryPart,
  textPart,
  wholeArguments,
} from "./items.ts";
import { clientCallArguments, clientToolKind, encodeClientCall } from "./client-tools.ts";
import { type DeclaredTool, parseTools } from "./parse-tools.ts";

export type ResponseObject = { readonly [field: string]: Json };

/** How far an answer is. */
export type ResponseState =
  | { readonly status: "in_progress" }
  | { readonly status: "ended"; readonly finishReason: FinishReason; readonly usage: TokenUsage }
  | { readonly status: "failed"; readonly error: GatewayError };

/** What of a request its answer repeats. Made once a reply: tools alone may be 40 KB. */
export function echoOf({ body }: ChatRequest): ResponseObject {
  const given = (field: string, otherwise: Json): Json => {
    const value = body[field];
    // Came out of JSON.parse.
    return value === undefined || value === null ? otherwise : (value as Json);
  };
  return {
    background: given("background", false),
    ...conversationOf(body),
    instructions: given("instructions", null),
    max_output_tokens: given("max_output_tokens", null),
    metadata: given("metadata", {}),
    parallel_tool_calls: given("parallel_tool_calls", true),
    previous_response_id: given("previous_response_id", null),
    prompt_cache_key: given("prompt_cache_key", null),
    reasoning: { effort: null, summary: null, ...objectIn(body, "reasoning") },
    store: given("store", true),
    temperature: given("temperature", 1),
    text: { format: { type: "text" }, ...objectIn(body, "text") },
    tool_choice: given("tool_choice", "auto"),
    tools: given("tools", []),
    top_p: given("top_p", 1),
    truncation: given("truncation", "disabled"),
    user: given("user", null),
  };
}

function conversationOf({ conversation }: JsonObject): ResponseObject {
  const id = isJsonObject(conversation) ? conversation["id"] : conversation;
  return typeof id === "string" ? { conversation: { id } } : {};
}

function objectIn(body: JsonObject, field: string): ResponseObject {
  const value = body[field];
  // Came out of JSON.parse.
  return isJsonObject(value) ? (value as ResponseObject) : {};
}

/** The same as the JSON of its fields, without the braces around them: made once a reply, which tells it three times. */
export function encodeEcho(echo: ResponseObject): string {
  const fields = Object.entries(echo).map(([name, value]) => `${JSON.stringify(name)}:${encodeEchoed(name, value)}`);
  return fields.join(",");
}

/** Agents send the same tools with each request (known-tools.ts). */
const encodeTools = onceFor((tools: object) => stringifyExact(tools));

function encodeEchoed(name: string, value: Json): string {
  const isList = name === "tools" && typeof value === "object" && value !== null;
  return isList ? encodeTools(value) : stringifyExact(value);
}

export function responseObject(
  echo: ResponseObject,
  identity: ReplyIdentity,
  state: ResponseState,
  output: readonly OutputItem[],
): ResponseObject {
  return { ...responseHead(identity, state, output), ...echo, usage: responseUsage(state) };
}

/** What stands before the echo. */
export function responseHead(
  identity: ReplyIdentity,
  state: ResponseState,
  output: readonly OutputItem[],
): ResponseObject {
  return {
    id: responseId(identity),
    object: "response",
    created_at: Math.floor(identity.createdAtMs / 1000),
    status: statusOf(state),
    error: state.status === "failed" ? errorOf(state.error) : null,
    incomplete_details: state.status === "ended" ? incompleteDetails(state.finishReason) : null,
    model: identity.model,
    output,
  };
}

/** What stands behind it. */
export function responseUsage(state: ResponseState): Json {
  return state.status === "ended" ? encodeUsage(state.usage) : null;
}

/** Of a failed answer; the code is the one that an error answer has. */
function errorOf(error: GatewayError): Json {
  const { code, message } = encodeError(error).error;
  return { code, message };
}

function incompleteDetails(finishReason: FinishReason): Json {
  if (finishReason === "length") return { reason: "max_output_tokens" };
  return finishReason === "content_filter" ? { reason: "content_filter" } : null;
}

function statusOf(state: ResponseState): "in_progress" | "completed" | "incomplete" | "failed" {
  return state.status === "ended" ? endedStatus(state.finishReason) : state.status;
}

export function endedStatus(finishReason: FinishReason): "completed" | "incomplete" {
  return incompleteDetails(finishReason) === null ? "completed" : "incomplete";
}

function encodeUsage(usage: TokenUsage): Json {
  return {
    input_tokens: usage.inputTokens,
    // OpenAI's types want both (2026-11); no upstream here tells what it wrote to a cache.
    input_tokens_details: { cache_write_tokens: 0, cached_tokens: usage.cachedTokens ?? 0 },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
    total_tokens: usage.totalTokens,
  };
}

/** Names that calls have in the upstream's words, to what their client declared. */
export function declaredTools({ tools, body }: ChatRequest): ReadonlyMap<string, DeclaredTool> {
  const declared = tools.length === 0 ? [] : parseTools(body["tools"]);
  return new Map(declared.map((tool) => [tool.definition.name, tool]));
}

/** Of some tools its client is told less than stands in the arguments: the free text, a command, a patch. */
export function echoedCall(request: ChatRequest, call: ToolCall): ToolCall {
  const kind = declaredTools(request).get(call.toolName)?.kind;
  if (kind === "custom") return { ...call, argumentsText: customArguments(customInput(call.argumentsText)) };
  const clientTool = clientToolKind(kind);
  if (clientTool === undefined) return call;
  const told = encodeClientCall(clientTool, argumentsObject(call.argumentsText));
  return { ...call, argumentsText: clientCallArguments(clientTool, told) };
}

export function asksForSealedThoughts({ body }: ChatRequest): boolean {
  const { include } = body;
  return Array.isArray(include) && include.includes("reasoning.encrypted_content");
}

/** A whole answer. */
export function encodeReply(request: ChatRequest, reply: ChatReply): ResponseObject {
  const { identity, finishReason, usage } = reply;
  const isSummary = asksForSummary(request);
  const output = isSummary ? summaryOutput(identity, reply.text, finishReason) : outputOf(request, reply);
  const isMissing = isSummary && output.length === 0 && endedStatus(finishReason) === "completed";
  const state: ResponseState = isMissing
    ? { status: "failed", error: noSummary() }
    : { status: "ended", finishReason, usage };
  return responseObject(echoOf(request), identity, state, output);
}

/**
 * The answer of POST /v1/responses/compact.
 * @param kept what stands beside the summary
 * @returns undefined where there is no whole summary
 */
export function encodeCompacted(
  { identity, text, finishReason, usage }: ChatReply,
  kept: readonly Json[],
): ResponseObject | undefined {
  const output = summaryOutput(identity, text, finishReason);
  if (output.length === 0) return undefined;
  return {
    id: responseId(identity),
    object: "response.compaction",
    created_at: Math.floor(identity.createdAtMs / 1000),
    output: [...kept, ...output],
    usage: encodeUsage(usage),
  };
}

function outputOf(request: ChatRequest, reply: ChatReply): OutputItem[] {
  const { identity, text, reasoning, refusal, toolCalls, sources } = reply;
  const tools = declaredTools(request);
  const makers: ((index: number, status: ItemStatus) => OutputItem)[] = [];
  if (reasoning !== "") {
    const isSealedAsked = asksForSealedThoughts(request);
    makers.push((index) => reasoningItem(itemId("rs", identity, index), [summaryPart(reasoning)], isSealedAsked));
  }
  if (refusal !== undefined) {
    makers.push((index, status) => messageItem(itemId("msg", identity, index), status, [refusalPart(refusal)]));
  }
  if (text !== "") {
    makers.push((index, status) => messageItem(itemId("msg", identity, index), status, [textPart(text, sources)]));
  }
  for (const call of toolCalls) {
    const tool = tools.get(call.toolName);
    const kind = tool?.kind ?? "function";
    const whole = kind === "custom" ? call : { ...call, argumentsText: wholeArguments(call.argumentsText) };
    makers.push((index, status) => callItem(itemId(callPrefixes[kind], identity, index), status, whole, tool));
  }
  const last = makers.length - 1;
  return makers.map((make, index) => make(index, index === last ? endedStatus(reply.finishReason) : "completed"));
}
