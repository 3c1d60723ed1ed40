// Fields that the OpenAI surfaces share: reasoning switches in all the spellings that users know, token limits, session.

import Type from "typebox";
import type { ReasoningOptions, SessionFields } from "../contract/chat-request.ts";
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { optional } from "./check-body.ts";

/** Clients of LM Studio and llama.cpp write -1 for no limit. */
export const tokenLimit = optional(Type.Union([Type.Integer({ minimum: 1 }), Type.Literal(-1)]));

/** Undefined: none. */
export function readTokenLimit(given: number | null | undefined): number | undefined {
  return given === null || given === -1 ? undefined : given;
}

export const sharedFields = {
  model: optional(Type.String()),
  stream: optional(Type.Boolean()),
  stream_options: optional(Type.Object({ include_usage: optional(Type.Boolean()) })),
  max_tokens: tokenLimit,
  n: optional(Type.Integer({ minimum: 1, maximum: 1 })),
  session_id: optional(Type.String({ minLength: 1, maxLength: 200 })),
};

type Effort = NonNullable<ReasoningOptions["effort"]>;
const efforts: ReadonlySet<string> = new Set<Effort>(["none", "minimal", "low", "medium", "high", "xhigh"]);

/** Words of one server or another for the most. */
const otherEfforts: Readonly<Record<string, Effort>> = { max: "xhigh", ultra: "xhigh" };

/** OpenAI's, DashScope's and the chat templates' words, then Anthropic's and DeepSeek's `thinking`, and Ollama's `think`. */
export function parseReasoning(body: JsonObject): ReasoningOptions {
  return reasoningFields.some((field) => body[field] !== undefined) ? readReasoning(body) : nothingSaid;
}

const nothingSaid: ReasoningOptions = {};

/** Most requests have none of them. */
const reasoningFields = [
  "enable_thinking",
  "thinking_budget",
  "reasoning_effort",
  "reasoning",
  "thinking",
  "think",
  "chat_template_kwargs",
  "include_reasoning",
  "reasoning_format",
] as const;

function readReasoning(body: JsonObject): ReasoningOptions {
  const { thinking, think, reasoning } = body;
  const switches = [
    body["enable_thinking"],
    fieldOf(body["chat_template_kwargs"], "enable_thinking"),
    fieldOf(reasoning, "enabled"),
    isSwitchedOn(fieldOf(thinking, "type")),
    think,
  ];
  const budgets = [body["thinking_budget"], fieldOf(thinking, "budget_tokens"), fieldOf(reasoning, "max_tokens")];
  const enabled = switches.find(isBoolean);
  const budget = budgets.find(isNumber);
  const effort = [body["reasoning_effort"], fieldOf(reasoning, "effort"), think].map(effortIn).find(Boolean);
  const shown = shownThoughts(body);
  const isAdaptive = fieldOf(thinking, "type") === "auto" || fieldOf(thinking, "type") === "adaptive";
  return {
    ...(enabled === undefined ? {} : { enabled }),
    ...(budget === undefined ? {} : { budgetTokens: budget }),
    ...(effort === undefined ? {} : { effort }),
    ...(isAdaptive ? { adaptive: true as const } : {}),
    ...(shown === undefined ? {} : { shown }),
  };
}

function isSwitchedOn(type: unknown): boolean | undefined {
  return type === "enabled" ? true : type === "disabled" ? false : undefined;
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function effortIn(value: unknown): Effort | undefined {
  if (typeof value !== "string") return undefined;
  return isEffort(value) ? value : Object.hasOwn(otherEfforts, value) ? otherEfforts[value] : undefined;
}

/** OpenRouter's and vLLM's words for no thoughts at all, and those of Groq for where they stand. */
const reasoningFormats: Readonly<Record<string, ReasoningOptions["shown"]>> = {
  parsed: "field",
  raw: "tags",
  hidden: "hidden",
};

function shownThoughts(body: JsonObject): ReasoningOptions["shown"] {
  if (body["include_reasoning"] === false || fieldOf(body["reasoning"], "exclude") === true) return "hidden";
  const format = body["reasoning_format"];
  return typeof format === "string" && Object.hasOwn(reasoningFormats, format) ? reasoningFormats[format] : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return isJsonObject(value) ? value[name] : undefined;
}

function isEffort(value: unknown): value is Effort {
  return typeof value === "string" && efforts.has(value);
}

export function parseSession(body: JsonObject): SessionFields {
  const sessionId = body["session_id"];
  const hint = body["prompt_cache_key"];
  const fields: { -readonly [Name in keyof SessionFields]: SessionFields[Name] } = {};
  if (typeof sessionId === "string") fields.sessionId = sessionId;
  if (typeof hint === "string" && hint !== "") fields.hint = hint;
  return fields;
}

export function parseWebSearch(body: JsonObject): boolean | undefined {
  if (typeof body["enable_search"] === "boolean") return body["enable_search"];
  return isJsonObject(body["web_search_options"]) ? true : undefined;
}

/** An empty name is a missing one. */
export function parseModel(model: string | null | undefined): string | undefined {
  return model === null || model === undefined || model.trim() === "" ? undefined : model;
}

/** @see https://platform.openai.com/docs/api-reference/completions/object#completions/object-usage */
export function encodeUsage(usage: import("../contract/events.ts").TokenUsage) {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.totalTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
  };
}
