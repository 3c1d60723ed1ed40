// What a refused request may be changed to before it is sent once more: each repair once, and only such as leave the
// meaning of the request as it is. Pure.

import { countedTokens } from "../../../contract/context-too-long.ts";
import { isJsonObject, type Json } from "../../../contract/json.ts";
import type { Body } from "../dialect.ts";
import { withoutLimits } from "./plain-schema.ts";
import type { UpstreamRefusal } from "../refusals/refusal.ts";
import { noGrammar, noRequiredTool } from "../refusals/refusal-rows.ts";
import { asSchema } from "./request-body.ts";
import { serviceFields } from "../dialects/service-fields.ts";

export interface Repair {
  readonly name: string;
  /** It is the server or the model that cannot: later requests are sent like this at once. */
  readonly isLasting: boolean;
  readonly change: (body: Body) => Body;
}

/** Fields that only wish for something: a server that does not know one is asked without it. */
const wishes: readonly string[] = [
  "enable_thinking",
  "thinking_budget",
  "thinking_token_budget",
  "reasoning_effort",
  "preserve_thinking",
  "chat_template_kwargs",
  "parallel_tool_calls",
  "stream_options",
  // Agents send some of these to whatever they meet: opencode 2 a key for the cache, refused by NVIDIA, Groq and Cerebras
  // (opencode#49240, 2026-09).
  ...serviceFields.filter((name) => name !== "web_search_options"),
  "reasoning",
  "include_reasoning",
  "reasoning_format",
  "thinking",
  "think",
  "user",
];
const thinkingFields = wishes.slice(0, 5);

const unknownField =
  /unrecogni[sz]ed|unknown|unexpected|unsupported|not support|not permitted|not allowed|extra_forbidden|invalid param/;

/** The field is known, and what it holds is not: Groq names those that it takes, Cerebras quotes its schema (2026-03). */
const wrongValue =
  /\b(?:unsupported|invalid|unexpected|unknown|unrecogni[sz]ed) value\b|\bvalues?\b.*\b(?:not supported|not allowed|permitted)|\b(?:must|should) be (?:one of\b|['"`])/;

/** With less room the answer would end as soon as it begins: the client should shorten the conversation. */
const leastRoomTokens = 512;

/** @param applied names of the repairs that this request has had */
export function findRepair(refusal: UpstreamRefusal, body: Body, applied: ReadonlySet<string>): Repair | undefined {
  const candidates = [
    repairWhole(refusal, body),
    repairThinking(refusal, body),
    repairTokens(refusal, body),
    repairField(refusal, body),
    repairContinuation(refusal, body),
    repairReplay(refusal),
    repairPairs(refusal),
    repairJsonObject(refusal, body),
    repairGrammar(refusal, body),
    repairStrict(refusal, body),
    repairToolChoice(refusal, body),
    repairToolParse(refusal, body),
  ];
  return candidates.find((repair) => repair !== undefined && !applied.has(repair.name));
}

const onlyStreams = /enable_thinking must be set to false|only supports? stream|not support http call/;

/** Asked for whole, and refused: the same in a stream says as much. */
function repairWhole({ told }: UpstreamRefusal, body: Body): Repair | undefined {
  if (body["stream"] !== false || !onlyStreams.test(told)) return undefined;
  const change = (from: Body): Body => ({ ...from, stream: true, stream_options: { include_usage: true } });
  return { name: "streamed-answer", isLasting: true, change };
}

/** Sentences of the error-code page of Model Studio (2026-10), and Ollama's (2026-08). */
function repairThinking({ told, param }: UpstreamRefusal, body: Body): Repair | undefined {
  const off = { name: "thinking-off", isLasting: false, change: withoutThinking };
  if (onlyStreams.test(told)) return off;
  if (/tool_choice/.test(told) && /thinking/.test(told)) return off;
  // An answer that the client has begun (`partial`) goes on without thoughts.
  if (/partial mode is not supported when enable_thinking/.test(told)) return off;
  // llama.cpp: a history that ends with the assistant is a beginning to go on with (common/chat.cpp, 2026-08).
  if (/prefill is incompatible with enable_thinking/.test(told)) {
    return { name: "no-thoughts-before-prefill", isLasting: false, change: (from) => withKwargs(from, false) };
  }
  // What cannot be switched off thinks although it was told not to.
  if (/enable_thinking\b.*restricted to true/.test(told) && body["enable_thinking"] === false) {
    return { name: "thinking-on", isLasting: true, change: (from) => without(from, ["enable_thinking"]) };
  }
  if (/does not support thinking/.test(told) && thinkingFields.some((field) => field in body)) {
    return { name: "no-thinking-fields", isLasting: true, change: (from) => without(from, thinkingFields) };
  }
  // Older Ollama took words for gpt-oss alone (crush #2623, 2026-04); others that can think do so by themselves.
  if (/think value .* is not supported/.test(told) && withoutEffort(body) !== body) {
    return { name: "no-effort", isLasting: true, change: withoutEffort };
  }
  if (/reasoning_effort/.test(told) && /thinking_budget/.test(told) && "reasoning_effort" in body) {
    return { name: "budget-alone", isLasting: false, change: (from) => without(from, ["reasoning_effort"]) };
  }
  if (/thinking_budget/.test(told) && "thinking_budget" in body) {
    return { name: "no-budget", isLasting: false, change: (from) => without(from, ["thinking_budget"]) };
  }
  // Some models want one (Qwen-Agent#941, 2026-08), as much as the deep-thinking page has in its example.
  if (/thinking_budget/.test(told) && withBudget(body) !== body) {
    return { name: "some-budget", isLasting: true, change: withBudget };
  }
  // vLLM counts thoughts where it was started with a reasoning parser, and refuses everybody elsewhere (2026-03).
  // A number that it refuses is the client's to change.
  if (/thinking_token_budget.*\bconfigured\b/.test(told) && "thinking_token_budget" in body) {
    return { name: "no-token-budget", isLasting: true, change: (from) => without(from, ["thinking_token_budget"]) };
  }
  const isAboutEffort = param === "reasoning_effort" || /\breasoning[_ ](?:effort|value)\b/.test(told);
  return isAboutEffort ? repairEffort(body, told) : undefined;
}

/** An effort says how much as well, and may not stand beside a budget. */
function withBudget(body: Body): Body {
  const { enable_thinking: thinks, thinking_budget: budget, reasoning_effort: effort } = body;
  const lacksBudget = thinks === true && budget === undefined && effort === undefined;
  return lacksBudget ? { ...body, thinking_budget: 8192 } : body;
}

/** The words at both ends are the newest: Ollama took no `max` until 2026, others know none beyond `high`. */
const olderEfforts: Readonly<Record<string, string>> = { max: "high", xhigh: "high", minimal: "low" };

/** Each word for itself: a server that lacks one of them may know the others. */
function repairEffort({ reasoning_effort: effort }: Body, told: string): Repair | undefined {
  if (typeof effort !== "string" || !Object.hasOwn(olderEfforts, effort)) return undefined;
  const older = olderEfforts[effort]!;
  // Groq: "must be one of `none` or `default`".
  if (/\bdefault\b/.test(told) && !told.includes(older)) return undefined;
  const change = (from: Body): Body =>
    from["reasoning_effort"] === effort ? { ...from, reasoning_effort: older } : from;
  return { name: `${older} for ${effort}`, isLasting: true, change };
}

/** Thinking stays switched off. */
function withoutEffort(body: Body): Body {
  const { reasoning_effort: effort } = body;
  return effort === undefined || effort === "none" ? body : without(body, ["reasoning_effort"]);
}

function withoutThinking(body: Body): Body {
  const rest = without(body, ["thinking_budget", "thinking_token_budget", "reasoning_effort", "preserve_thinking"]);
  return isJsonObject(rest["chat_template_kwargs"]) ? withKwargs(rest, false) : { ...rest, enable_thinking: false };
}

function withKwargs(body: Body, thinks: boolean): Body {
  const kwargs = body["chat_template_kwargs"];
  // JSON: it was made by request-body.ts.
  const given = isJsonObject(kwargs) ? (kwargs as { [key: string]: Json }) : {};
  return { ...body, chat_template_kwargs: { ...given, enable_thinking: thinks } };
}

/** `max_tokens` beyond what the model can say, or beyond what the prompt leaves: agents send 32000 to whatever they meet. */
function repairTokens({ reason, told, limits }: UpstreamRefusal, body: Body): Repair | undefined {
  const wanted = body["max_tokens"];
  if (typeof wanted !== "number") return undefined;
  const { maxOutputTokens, contextTokens, promptTokens } = limits;
  // vLLM reserves all of it and counts no further (vllm-project/vllm#42474, 2026-05); untold, it gives what there is.
  const isUncounted = untoldCount.test(told) || (promptTokens !== undefined && countedTokens(limits) === undefined);
  if (reason === "context" && isUncounted && wanted > leastRoomTokens) return withoutMaxTokens;
  const room = contextTokens !== undefined && promptTokens !== undefined ? contextTokens - promptTokens : undefined;
  const most = maxOutputTokens ?? (reason === "context" ? room : undefined);
  if (most !== undefined && most >= Math.min(leastRoomTokens, wanted) && most < wanted) {
    // What the model can say at most it can say to every prompt, and agents ask for the same with each of them.
    return maxOutputTokens === undefined || reason !== "request"
      ? { name: "fewer-tokens", isLasting: false, change: atMost(most) }
      : { name: "most-tokens", isLasting: true, change: atMost(most) };
  }
  if (reason !== "request" || !/max_(?:completion_|total_)?tokens/.test(told)) return undefined;
  return /\buse\W+max_completion_tokens\b/.test(told) ? renamedTokens : withoutMaxTokens;
}

/** OpenAI's models that think know the new name alone, and Model Studio has announced the same (2026-04). */
const renamedTokens: Repair = {
  name: "max-completion-tokens",
  isLasting: true,
  change(from) {
    const { max_tokens: tokens, ...rest } = from;
    return tokens === undefined ? from : { ...rest, max_completion_tokens: tokens };
  },
};

function atMost(tokens: number): (body: Body) => Body {
  return (from) => {
    const wanted = from["max_tokens"];
    return typeof wanted === "number" && wanted > tokens ? { ...from, max_tokens: tokens } : from;
  };
}

/** Groq counts it as if it were said already. */
const untoldCount = /prompt contains at least|^request too large/;
const withoutMaxTokens: Repair = {
  name: "no-max-tokens",
  isLasting: false,
  change: (from) => without(from, ["max_tokens"]),
};

function repairField({ reason, told, param }: UpstreamRefusal, body: Body): Repair | undefined {
  if (reason !== "request") return undefined;
  const isUnknown = unknownField.test(told);
  const isRefused = isUnknown || wrongValue.test(told);
  const field = wishes.find((name) => name in body && (param === name || (isRefused && isNamed(name, told))));
  if (field === undefined) return undefined;
  const value = body[field];
  const isQuoted = typeof value === "string" && (told.includes(`'${value}'`) || told.includes(`"${value}"`));
  return isUnknown && !isQuoted && !wrongValue.test(told)
    ? { name: `without ${field}`, isLasting: true, change: (from) => without(from, [field]) }
    : withoutValue(field, value);
}

/** "Not supported when enable_thinking is true": what is refused is something else. */
const before = "(?<!\\b(?:when|while|if) )\\b";
/** In front of a name that is a word of other sentences, too. */
const beforeWord =
  "(?:\\bbody(?:\\.|', ')|\\b(?:supplied|parameters?|arguments?|fields?|propert(?:y|ies))(?:\\(s\\))?:? ['\"`]?)";

function isNamed(name: string, told: string): boolean {
  return new RegExp(`${name.includes("_") ? before : beforeWord}${name}\\b`).test(told);
}

/** Another value of it may be welcome, also where only the field is named. */
function withoutValue(field: string, value: Json | undefined): Repair {
  if (!isWord(value)) return { name: `without ${field}`, isLasting: false, change: (from) => without(from, [field]) };
  const change = (from: Body): Body => (from[field] === value ? without(from, [field]) : from);
  return { name: `without ${field} ${value}`, isLasting: true, change };
}

/** What there are few of: numbers, objects and sentences are somebody's own. */
function isWord(value: Json | undefined): value is string | boolean {
  return typeof value === "boolean" || (typeof value === "string" && /^\w{1,16}$/.test(value));
}

/** Older servers know no such fields, and some templates change the message so that it cannot be found again (transformers). */
function repairContinuation({ told }: UpstreamRefusal, body: Body): Repair | undefined {
  if (body["continue_final_message"] !== true || !/continue_final_message|add_generation_prompt/.test(told))
    return undefined;
  const fields = ["continue_final_message", "add_generation_prompt"];
  return { name: "another-message", isLasting: false, change: (from) => without(from, fields) };
}

/** What was thought before is a wish, too. */
function repairReplay({ told }: UpstreamRefusal): Repair | undefined {
  return noReplay.test(told) && unknownField.test(told) ? withoutReplay : undefined;
}

/** Groq, Cerebras, Mistral and others refuse each further turn of a conversation with thoughts in it (jan#8136, 2026-05). */
const noReplay = /\bmessages\b.*\breasoning(?:_content|_details)?\b/s;
/** It stands in the messages, which outgoing-body.ts writes where this was applied. */
export const withoutReplay: Repair = {
  name: "without earlier thoughts",
  isLasting: true,
  change: (from) => ({ ...from }),
};

/** DashScope (qwen-code#2360, 2026-03), in OpenAI's words. */
const noPair =
  /"?tool_calls"? must be followed by tool messages|role "?tool"? must be a response to a prece+ding message/;

function repairPairs({ told }: UpstreamRefusal): Repair | undefined {
  return noPair.test(told) ? withPairs : undefined;
}

/** In the messages, too. */
export const withPairs: Repair = { name: "calls with their results", isLasting: true, change: (from) => ({ ...from }) };

/** A server that knows schemas alone (LM Studio, and others that took after it). */
function repairJsonObject({ reason, told }: UpstreamRefusal, body: Body): Repair | undefined {
  const format = body["response_format"];
  if (reason !== "request" || !isJsonObject(format) || format["type"] !== "json_object") return undefined;
  if (!/json_schema/.test(told)) return undefined;
  return { name: "json-schema", isLasting: true, change: (from) => withSchema(from) };
}

function withSchema(body: Body): Body {
  const changed = { ...body };
  asSchema(changed);
  return changed;
}

/**
 * llama.cpp compiles the schemas of tools, vLLM those of forced ones, and both fail at limits that agents' tools have (#25746,
 * 2026-07; qwen-code #10520; paroquant#31, 2026-04). Limits are wishes, but those of strict tools.
 */
function repairGrammar({ told }: UpstreamRefusal, body: Body): Repair | undefined {
  if (!noGrammar.test(told) || !hasLimits(body)) return undefined;
  return { name: "tools-without-limits", isLasting: true, change: (from) => withPlainTools(from) };
}

/** Cerebras wants all tools strict or none, and some models none (code_puppy PR 368, 2026-05; livekit PR 3134, 2025-08). */
function repairStrict({ told }: UpstreamRefusal, body: Body): Repair | undefined {
  if (!/\btools?\b.*\bstrict\b/.test(told) || withoutStrict(body) === body) return undefined;
  return { name: "tools-not-strict", isLasting: true, change: withoutStrict };
}

function withoutStrict(body: Body): Body {
  const { tools } = body;
  if (!Array.isArray(tools)) return body;
  const loose = tools.map((tool: Json) => looseTool(tool));
  return loose.every((tool, index) => tool === tools[index]) ? body : { ...body, tools: loose };
}

function looseTool(tool: Json): Json {
  const called = isJsonObject(tool) ? tool["function"] : undefined;
  if (!isJsonObject(tool) || !isJsonObject(called) || called["strict"] === undefined) return tool;
  const { strict: _strict, ...rest } = called;
  // JSON: it was made by request-body.ts.
  return { ...tool, function: rest } as Json;
}

function hasLimits(body: Body): boolean {
  return withPlainTools(body)["tools"] !== body["tools"];
}

function withPlainTools(body: Body): Body {
  const { tools } = body;
  if (!Array.isArray(tools)) return body;
  const plain = tools.map((tool) => plainTool(tool));
  return plain.every((tool, index) => tool === tools[index]) ? body : { ...body, tools: plain };
}

function plainTool(tool: Json): Json {
  const called = isJsonObject(tool) ? tool["function"] : undefined;
  if (!isJsonObject(tool) || !isJsonObject(called) || called["parameters"] === undefined) return tool;
  if (called["strict"] === true) return tool;
  // JSON: it was made by request-body.ts.
  const parameters = withoutLimits(called["parameters"] as Json);
  return parameters === called["parameters"] ? tool : ({ ...tool, function: { ...called, parameters } } as Json);
}

/** Where any tool cannot be demanded, the only one can be by its name. */
function repairToolChoice({ told }: UpstreamRefusal, body: Body): Repair | undefined {
  if (!noRequiredTool.test(told) || withNamedTool(body) === body) return undefined;
  return { name: "named-tool", isLasting: true, change: withNamedTool };
}

function withNamedTool(body: Body): Body {
  const tools = Array.isArray(body["tools"]) ? body["tools"] : [];
  const [only] = tools;
  const called = isJsonObject(only) ? only["function"] : undefined;
  const name = isJsonObject(called) ? called["name"] : undefined;
  if (body["tool_choice"] !== "required" || tools.length !== 1 || typeof name !== "string") return body;
  return { ...body, tool_choice: { type: "function", function: { name } } };
}

/** llama.cpp fails on tool calls that its parser of streams cannot read (#20260, #22878): whole it may. */
function repairToolParse({ reason }: UpstreamRefusal, body: Body): Repair | undefined {
  if (reason !== "tool-parse" || body["stream"] === false) return undefined;
  const change = (from: Body): Body => ({ ...without(from, ["stream_options"]), stream: false });
  return { name: "whole-answer", isLasting: false, change };
}

/** The same body where it has none of them. */
function without(body: Body, fields: readonly string[]): Body {
  if (!fields.some((field) => field in body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([field]) => !fields.includes(field)));
}
