// A request in the words of a dialect: which fields go out, under which names, and what is left out. Pure.

import type { AnswerFormat } from "../../../contract/answer-format.ts";
import type { ChatRequest, ToolDefinition } from "../../../contract/chat-request.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../contract/json.ts";
import type { Body, Dialect } from "../dialect.ts";
import { addContinuation } from "./begun-answer.ts";
import type { BodyOptions } from "./encode-messages.ts";
import { addThinking, thinkingOf } from "./thinking.ts";

/** Surface whose clients write this very protocol: what the gateway does not know of it is passed on. */
export const sameProtocol = "openai-chat";

/** Text completions call what steers a reply by the same names. */
const olderProtocol = "openai-completions";
/** What they alone have: it is written anew, done here, or means something else in this protocol. */
const olderFields: readonly string[] = ["prompt", "suffix", "echo", "best_of", "logprobs"];

/** What is written anew below, or is the gateway's own. */
const ownFields: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "tools",
  "functions",
  "tool_choice",
  "function_call",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "session_id",
  "n",
]);

/**
 * All of it but the messages. Always asks for a stream: older models refuse to think without one, and whole answers are
 * collected from it.
 */
export function createRequestFields(request: ChatRequest, options: BodyOptions): Body {
  const { dialect, model } = options;
  const rules = dialect.request;
  const body: Body = {
    ...passedFields(request, rules.drops),
    model,
    stream: true,
    // Without it no usage at all comes in a stream.
    stream_options: { ...streamOptionsOf(request), include_usage: true },
  };
  if (request.maxTokens !== undefined) body["max_tokens"] = request.maxTokens;
  if (rules.webSearch && request.webSearch !== undefined) body["enable_search"] = request.webSearch;
  addTools(body, request, dialect);
  addThinking(body, request, options);
  addSampling(body, request, options);
  addFormat(body, request.format);
  addContinuation(body, request, options);
  if (rules.jsonObject === "as-schema") asSchema(body);
  return body;
}

function streamOptionsOf(request: ChatRequest): Body {
  const options = request.surface === sameProtocol ? request.body["stream_options"] : undefined;
  // Came out of JSON.parse.
  return isJsonObject(options) ? (options as Body) : {};
}

/** Fields that only one upstream understands. Null is how official clients leave a field open. */
function passedFields(request: ChatRequest, drops: readonly string[]): Body {
  const passed: Body = {};
  const isOlder = request.surface === olderProtocol;
  if (request.surface !== sameProtocol && !isOlder && request.steering === undefined) return passed;
  for (const [field, value] of Object.entries(request.steering ?? request.body)) {
    if (ownFields.has(field) || drops.includes(field) || value === null || value === undefined) continue;
    if (isOlder && olderFields.includes(field)) continue;
    // Came out of JSON.parse.
    passed[field] = value as Json;
  }
  return passed;
}

function addTools(body: Body, request: ChatRequest, dialect: Dialect): void {
  const rules = dialect.request;
  const { toolChoice } = request;
  const isForbidden = toolChoice === "none" && rules.noneDropsTools;
  const named = typeof toolChoice === "object" ? toolChoice.toolName : undefined;
  // Where a choice by name is not obeyed, the one tool is all that there is to choose from.
  const alone = rules.toolChoice === "full" ? undefined : named;
  const tools = request.tools.filter((tool) => alone === undefined || tool.name === alone);
  if (tools.length === 0 || isForbidden) {
    delete body["parallel_tool_calls"];
    return;
  }
  body["tools"] = tools.map((tool) => encodeTool(tool, dialect));
  if (request.parallelToolCalls !== undefined) body["parallel_tool_calls"] = request.parallelToolCalls;
  else if (rules.asksForParallelCalls) body["parallel_tool_calls"] ??= true;
  if (toolChoice === undefined || rules.toolChoice === "none") return;
  if (named === undefined) body["tool_choice"] = toolChoice as string;
  else if (alone !== undefined) body["tool_choice"] = "required";
  else body["tool_choice"] = { type: "function", function: { name: named } };
}

function encodeTool({ name, description, parameters, isStrict }: ToolDefinition, dialect: Dialect): Json {
  const isEmpty = isEmptySchema(parameters);
  const whole = dialect.request.requiresProperties ? withProperties(parameters) : parameters;
  const sent = isEmpty ? { type: "object", properties: {} } : whole;
  return {
    type: "function",
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      ...(isEmpty && dialect.request.emptyParameters === "omit" ? {} : { parameters: sent }),
      ...(isStrict === true && dialect.request.strictTools ? { strict: true } : {}),
    },
  };
}

function withProperties(schema: Json): Json {
  // A cast: it came out of JSON.parse.
  return isJsonObject(schema) && schema["properties"] === undefined ? { ...(schema as Body), properties: {} } : schema;
}

function isEmptySchema(schema: Json): boolean {
  if (!isJsonObject(schema)) return true;
  const { properties, ...rest }: JsonObject = schema;
  const hasProperties = isJsonObject(properties) && Object.keys(properties).length > 0;
  return !hasProperties && Object.keys(rest).every((key) => key === "type" || key === "required" || key === "$schema");
}

/** As it is to be kept to now: the client's own field may have become words. */
function addFormat(body: Body, format: AnswerFormat | undefined): void {
  const written = body["response_format"];
  if (isJsonObject(written) && (written["type"] === "json_object" || written["type"] === "json_schema")) {
    delete body["response_format"];
  }
  if (format !== undefined) body["response_format"] = encodeFormat(format);
}

function encodeFormat({ name, description, schema, isStrict }: AnswerFormat): Json {
  if (schema === undefined) return { type: "json_object" };
  const described = description === undefined ? {} : { description };
  // A cast: it came out of JSON.parse.
  const named = { name, ...described, schema: schema as Json, ...(isStrict ? { strict: true } : {}) };
  return { type: "json_schema", json_schema: named };
}

/** `json_object` in the words of a server that knows schemas alone: any object fits. */
export function asSchema(body: Body): void {
  const format = body["response_format"];
  if (!isJsonObject(format) || format["type"] !== "json_object") return;
  body["response_format"] = { type: "json_schema", json_schema: { name: "object", schema: { type: "object" } } };
}

function addSampling(body: Body, request: ChatRequest, { dialect, model }: BodyOptions): void {
  const { temperature, topP, topK } = request.sampling ?? {};
  if (temperature !== undefined) body["temperature"] = temperature;
  if (topP !== undefined) body["top_p"] = topP;
  if (topK !== undefined && !dialect.request.drops.includes("top_k")) body["top_k"] = topK;
  const { sampling } = dialect.request;
  if (sampling === undefined || !/qw[eq]n?/i.test(model)) return;
  const defaults = thinkingOf(request) === false ? sampling.plain : sampling.thinking;
  body["temperature"] ??= defaults.temperature;
  body["top_p"] ??= defaults.top_p;
}
