// The tools of a chat completion as functions, the only kind that models are told of, and the choice among them.

import type { ChatRequest, ToolCall, ToolChoice, ToolDefinition } from "../../contract/chat-request.ts";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { onceFor } from "../../contract/once-for.ts";
import { invalid } from "../check-body.ts";
import { customArguments, customInput, customTool } from "../custom-tools.ts";

export interface DeclaredTools {
  readonly all: readonly ToolDefinition[];
  /** Names of those whose input is free text, and which their client is told of in another form. */
  readonly customNames: ReadonlySet<string>;
}

const none: DeclaredTools = { all: [], customNames: new Set() };

/** @param list `tools`, or the older `functions` */
export function parseTools(list: unknown): DeclaredTools {
  return Array.isArray(list) && list.length > 0 ? toolsIn(list) : none;
}

/** Tools of other kinds than these are the service's own: left out, never refused. */
const toolsIn = onceFor((list: readonly unknown[]): DeclaredTools => {
  const all: ToolDefinition[] = [];
  const customNames = new Set<string>();
  for (const entry of list) {
    if (!isJsonObject(entry)) continue;
    const declared = declaredIn(entry);
    const name = declared["name"];
    if (typeof name !== "string") continue;
    const isCustom = isCustomTool(entry);
    if (isCustom) customNames.add(name);
    all.push(isCustom ? customTool(declared, name) : functionTool(declared, name));
  }
  return { all, customNames };
});

/** Some clients write a tool as in Responses, without an object of its own. */
function declaredIn(entry: JsonObject): JsonObject {
  const declared = entry["function"] ?? entry["custom"];
  return isJsonObject(declared) ? declared : entry;
}

/** Anthropic's tools are of a type of that name, too, and have a schema. */
function isCustomTool(entry: JsonObject): boolean {
  const { parameters, input_schema: schema } = declaredIn(entry);
  return entry["type"] === "custom" && parameters === undefined && schema === undefined;
}

function functionTool(declared: JsonObject, name: string): ToolDefinition {
  return {
    name,
    description: typeof declared["description"] === "string" ? declared["description"] : undefined,
    // Cursor writes the tools of names that begin with "claude-" as Anthropic has them. Came out of JSON.parse.
    parameters: (declared["parameters"] ?? declared["input_schema"] ?? {}) as Json,
    ...(declared["strict"] === true ? { isStrict: true } : {}),
  };
}

/** Names of the tools whose calls have free text. */
export function customNamesOf({ tools, body }: ChatRequest): ReadonlySet<string> {
  return tools.length === 0 ? none.customNames : parseTools(body["tools"] ?? body["functions"]).customNames;
}

/** Of a custom tool its client is told the free text alone, whatever else stands in the arguments. */
export function echoedCall(request: ChatRequest, call: ToolCall): ToolCall {
  if (!customNamesOf(request).has(call.toolName)) return call;
  return { ...call, argumentsText: customArguments(customInput(call.argumentsText)) };
}

export interface ParsedChoice {
  readonly toolChoice: ToolChoice | undefined;
  /** Names of the only tools that may be called. Undefined: all of them. */
  readonly allowed?: readonly string[];
}

/** @throws {GatewayError} `invalid-request` when it names a tool that is not declared: nobody could call it */
export function parseToolChoice(fields: JsonObject, tools: DeclaredTools): ParsedChoice {
  const field = fields["tool_choice"] == null ? "function_call" : "tool_choice";
  const value = fields[field];
  if (value === "auto" || value === "none" || value === "required") return { toolChoice: value };
  if (!isJsonObject(value)) return { toolChoice: undefined };
  const allowed = parseAllowed(value["allowed_tools"], tools);
  const named = nameIn(value);
  const names = allowed?.names ?? (named === undefined ? [] : [named]);
  // Without any tool there is nothing to choose from, and nothing to complain of: some clients always send a choice.
  if (tools.all.length > 0 && !names.every((name) => tools.all.some((tool) => tool.name === name))) {
    throw invalid(field, `Invalid request: "${field}" names a tool that "tools" does not declare`);
  }
  if (allowed !== undefined) return { toolChoice: allowed.mode, allowed: allowed.names };
  return { toolChoice: named === undefined ? undefined : { toolName: named } };
}

function nameIn(value: JsonObject): string | undefined {
  const { name } = declaredIn(value);
  return typeof name === "string" ? name : undefined;
}

/** @see https://platform.openai.com/docs/guides/function-calling#tool-choice */
function parseAllowed(
  value: unknown,
  { customNames }: DeclaredTools,
): { readonly mode: "auto" | "required"; readonly names: string[] } | undefined {
  if (!isJsonObject(value) || !Array.isArray(value["tools"])) return undefined;
  const names = value["tools"].flatMap((tool: unknown) => {
    const name = isJsonObject(tool) ? nameIn(tool) : undefined;
    // One of another kind than functions that is not declared was left out.
    const isLeftOut =
      isJsonObject(tool) && isJsonObject(tool["custom"]) && name !== undefined && !customNames.has(name);
    return name === undefined || isLeftOut ? [] : [name];
  });
  return names.length === 0 ? undefined : { mode: value["mode"] === "required" ? "required" : "auto", names };
}
