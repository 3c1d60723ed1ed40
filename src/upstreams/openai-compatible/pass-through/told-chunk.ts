// A chunk as a client is told it: what the protocol promises is there, and all else is the server's. What needs no change
// is returned as it is.

import type { TokenUsage } from "../../../contract/events.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../contract/json.ts";
import type { CompletionUsage } from "../../../wire/openai-compatible.ts";
import { parseUsage } from "../reply/parse-usage.ts";

export type Fields = { [field: string]: Json | undefined };

/** What the chunks of a reply have in common, for those that are made here. */
export function headOf(event: JsonObject, toldModel: string): Fields {
  // Came out of JSON.parse.
  const { id, created, system_fingerprint } = event as Fields;
  return { id, object: "chat.completion.chunk", created, model: toldModel, system_fingerprint };
}

export function withModel(event: JsonObject, toldModel: string): JsonObject {
  return event["model"] === toldModel ? event : { ...event, model: toldModel };
}

export function withoutUsage(event: JsonObject): JsonObject {
  const { usage: _usage, ...rest } = event;
  return rest;
}

/** @param hasRole the client was told a role before */
export function toldChoice(choice: JsonObject, hasRole: boolean): JsonObject {
  const { delta, finish_reason: reason } = choice;
  const told = toldDelta(isJsonObject(delta) ? delta : {}, hasRole);
  // Whatever is not null is a finish to some clients.
  const isNone = reason != null && (typeof reason !== "string" || reason === "");
  if (told === delta && !isNone) return choice;
  return { ...choice, delta: told, ...(isNone ? { finish_reason: null } : {}) };
}

function toldDelta(delta: JsonObject, hasRole: boolean): JsonObject {
  const lacksRole = !hasRole && delta["role"] !== "assistant";
  const isRenamed = typeof delta["reasoning"] === "string" && delta["reasoning_content"] == null;
  if (!lacksRole && !isRenamed) return delta;
  const { reasoning, ...rest } = delta;
  const thought = isRenamed ? { reasoning_content: reasoning } : reasoning === undefined ? {} : { reasoning };
  return { ...rest, ...thought, ...(lacksRole ? { role: "assistant" } : {}) };
}

/** Undefined where nothing was counted. */
export function toldUsage(usage: unknown): JsonObject | undefined {
  if (!isJsonObject(usage)) return undefined;
  // Fields are checked one by one.
  const counted = parseUsage(usage as CompletionUsage);
  if (counted === undefined) return undefined;
  const sums = ["prompt_tokens", "completion_tokens", "total_tokens"];
  return sums.every((field) => typeof usage[field] === "number") ? usage : { ...usage, ...sumsOf(counted) };
}

export function encodeUsage(usage: TokenUsage): Fields {
  return {
    ...sumsOf(usage),
    prompt_tokens_details: { cached_tokens: usage.cachedTokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
  };
}

function sumsOf({ inputTokens, outputTokens, totalTokens }: TokenUsage): Fields {
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: totalTokens };
}
