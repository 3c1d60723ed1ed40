// The body of POST /v1/chat/completions to a ChatRequest. Fields that nobody here understands are let through unread.

import Type from "typebox";
import type { ChatRequest, ToolChoice, ToolDefinition } from "../../contract/chat-request.ts";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { onceFor } from "../../contract/once-for.ts";
import { parseResponseFormat } from "../answer-format.ts";
import { createBodyCheck, invalid, optional } from "../check-body.ts";
import { parseModel, parseReasoning, parseSession, parseWebSearch, sharedFields } from "../openai-fields.ts";
import { parseMessages } from "./parse-messages.ts";

export const surfaceName = "openai-chat";

/** `messages` is checked by hand: its errors name the message. */
export const chatCompletionBody = Type.Object({
  ...sharedFields,
  max_completion_tokens: optional(Type.Integer({ minimum: 1 })),
  tools: optional(Type.Array(Type.Unknown())),
  functions: optional(Type.Array(Type.Unknown())),
});

const checkBody = createBodyCheck(chatCompletionBody);

/** @throws {GatewayError} `invalid-request` that names the field */
export function parseRequest(value: unknown): ChatRequest {
  const body = checkBody(value);
  // Checked above to be an object; the schema leaves unknown fields in place.
  const fields: JsonObject = body;
  const declared = parseTools(body.tools ?? body.functions);
  const choice = parseToolChoice(fields, declared);
  const format = parseResponseFormat(fields["response_format"]);
  return {
    surface: surfaceName,
    model: parseModel(body.model),
    messages: parseMessages(fields["messages"]),
    tools: choice.allowed === undefined ? declared : declared.filter(({ name }) => choice.allowed?.includes(name)),
    toolChoice: choice.toolChoice,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    reasoning: parseReasoning(fields),
    ...(format === undefined ? {} : { format }),
    webSearch: parseWebSearch(fields),
    session: parseSession(fields),
    body: fields,
  };
}

const none: readonly never[] = [];

function parseTools(list: readonly unknown[] | null | undefined): readonly ToolDefinition[] {
  return list === null || list === undefined || list.length === 0 ? none : functionsIn(list);
}

/** Tools of other kinds than functions are the service's own: left out, never refused. */
const functionsIn = onceFor((list: readonly unknown[]): readonly ToolDefinition[] => {
  const tools: ToolDefinition[] = [];
  for (const entry of list) {
    if (!isJsonObject(entry)) continue;
    const definition = isJsonObject(entry["function"]) ? entry["function"] : entry;
    if (typeof definition["name"] !== "string") continue;
    tools.push({
      name: definition["name"],
      description: typeof definition["description"] === "string" ? definition["description"] : undefined,
      // Came out of JSON.parse.
      parameters: (definition["parameters"] ?? {}) as Json,
      ...(definition["strict"] === true ? { isStrict: true } : {}),
    });
  }
  return tools;
});

interface ParsedChoice {
  readonly toolChoice: ToolChoice | undefined;
  /** Names of the only tools that may be called. Undefined: all of them. */
  readonly allowed?: readonly string[];
}

/** @throws {GatewayError} `invalid-request` when it names a tool that is not declared: nobody could call it */
function parseToolChoice(fields: JsonObject, tools: readonly ToolDefinition[]): ParsedChoice {
  const field = fields["tool_choice"] == null ? "function_call" : "tool_choice";
  const value = fields[field];
  if (value === "auto" || value === "none" || value === "required") return { toolChoice: value };
  if (!isJsonObject(value)) return { toolChoice: undefined };
  const allowed = parseAllowed(value["allowed_tools"]);
  const named = functionName(value);
  const names = allowed?.names ?? (named === undefined ? [] : [named]);
  // Without any tool there is nothing to choose from, and nothing to complain of: some clients always send a choice.
  if (tools.length > 0 && !names.every((name) => tools.some((tool) => tool.name === name))) {
    throw invalid(field, `Invalid request: "${field}" names a tool that "tools" does not declare`);
  }
  if (allowed !== undefined) return { toolChoice: allowed.mode, allowed: allowed.names };
  return { toolChoice: named === undefined ? undefined : { toolName: named } };
}

function functionName(value: JsonObject): string | undefined {
  const name = isJsonObject(value["function"]) ? value["function"]["name"] : value["name"];
  return typeof name === "string" ? name : undefined;
}

/** @see https://platform.openai.com/docs/guides/function-calling#tool-choice */
function parseAllowed(value: unknown): { readonly mode: "auto" | "required"; readonly names: string[] } | undefined {
  if (!isJsonObject(value) || !Array.isArray(value["tools"])) return undefined;
  const names = value["tools"].flatMap((tool: unknown) => (isJsonObject(tool) ? (functionName(tool) ?? []) : []));
  return names.length === 0 ? undefined : { mode: value["mode"] === "required" ? "required" : "auto", names };
}
