// Tools of a request and what it wants of them. Tools that Anthropic's own servers run are left out, but for the search; those
// that its models know are told in full.

import type { ToolChoice, ToolDefinition } from "../../contract/chat-request.ts";
import { isJsonObject, type Json } from "../../contract/json.ts";
import { onceFor } from "../../contract/once-for.ts";
import { invalid } from "../check-body.ts";
import { knownTool } from "./known-tools.ts";

export interface ParsedTools {
  readonly tools: readonly ToolDefinition[];
  /** A search of the server was among them. Undefined: the client did not say. */
  readonly webSearch: true | undefined;
}

/** @throws {GatewayError} `invalid-request` that names the tool */
export const parseTools = onceFor((list: readonly unknown[]): ParsedTools => {
  const tools: ToolDefinition[] = [];
  let webSearch: true | undefined;
  for (const [index, entry] of list.entries()) {
    const path = `tools[${index}]`;
    if (!isJsonObject(entry)) throw invalid(path, `Invalid request: "${path}" must be an object`);
    const { type, name, description, input_schema: schema } = entry;
    const known = typeof type === "string" ? knownTool(type) : undefined;
    if (typeof type === "string" && type !== "custom" && known === undefined) {
      if (type.startsWith("web_search_")) webSearch = true;
      continue;
    }
    if (typeof name !== "string" || name === "") {
      throw invalid(`${path}.name`, `Invalid request: "${path}.name" must be a string`);
    }
    tools.push({
      name,
      description: typeof description === "string" ? description : known?.description,
      // Came out of JSON.parse.
      parameters: (schema ?? known?.parameters ?? {}) as Json,
      ...(entry["strict"] === true ? { isStrict: true } : {}),
    });
  }
  return { tools, webSearch };
});

export interface ParsedChoice {
  readonly toolChoice: ToolChoice | undefined;
  readonly parallelToolCalls: boolean | undefined;
}

/** @throws {GatewayError} `invalid-request` when it names a tool that is not declared: nobody could call it */
export function parseToolChoice(value: unknown, tools: readonly ToolDefinition[]): ParsedChoice {
  if (value === undefined || value === null) return { toolChoice: undefined, parallelToolCalls: undefined };
  if (!isJsonObject(value)) throw invalid("tool_choice", 'Invalid request: "tool_choice" must be an object');
  const isSingle = value["disable_parallel_tool_use"];
  return {
    toolChoice: choiceOf(value["type"], value["name"], tools),
    parallelToolCalls: typeof isSingle === "boolean" ? !isSingle : undefined,
  };
}

function choiceOf(type: unknown, name: unknown, tools: readonly ToolDefinition[]): ToolChoice {
  switch (type) {
    case "auto":
    case "none":
      return type;
    case "any":
      return "required";
    case "tool":
      if (typeof name !== "string") {
        throw invalid("tool_choice.name", 'Invalid request: "tool_choice.name" must be a string');
      }
      if (tools.some((tool) => tool.name === name)) return { toolName: name };
      throw invalid(
        "tool_choice.name",
        'Invalid request: "tool_choice.name" names a tool that "tools" does not declare as one of the client\'s own',
      );
    default:
      throw invalid("tool_choice.type", 'Invalid request: "tool_choice.type" must be one of auto, any, tool, none');
  }
}
