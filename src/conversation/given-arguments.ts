// What a call really says. Before clients send a call back they fill in the defaults that its tool's schema names, and take
// blanks off the ends of the lines that it writes into a file.

import type { ToolDefinition } from "../contract/chat-request.ts";
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { onceFor } from "../contract/once-for.ts";
import { canonicalJson } from "./canonical-json.ts";

/** Deeper arguments are taken as they are. */
const maxDepth = 50;

/**
 * The arguments without those that have their default, at any depth that the schema spells out (`properties`, `items`), and
 * without blanks at the ends of lines.
 */
export function givenArguments(input: JsonObject, toolName: string, tools: readonly ToolDefinition[]): unknown {
  const tool = toolsByName(tools).get(toolName);
  return withoutBlanks(tool !== undefined && namesDefaults(tool) ? withoutDefaults(input, tool.parameters) : input);
}

const toolsByName = onceFor(
  (tools: readonly ToolDefinition[]) => new Map(tools.map((tool) => [tool.name, tool] as const)),
);

/** Most tools name none. */
export const namesDefaults = onceFor(
  (tool: ToolDefinition) => JSON.stringify(tool.parameters)?.includes('"default":') === true,
);

/** Looked at once for each run of blanks: a long one within a line must not be tried from each of its places. */
const blanksAtLineEnds = /(?<![ \t])[ \t]+(?=\r?\n|$)/g;

function withoutBlanks(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return value.replace(blanksAtLineEnds, "");
  if (depth > maxDepth) return value;
  if (Array.isArray(value)) return value.map((item) => withoutBlanks(item, depth + 1));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withoutBlanks(field, depth + 1)]));
}

function withoutDefaults(value: unknown, schema: unknown, depth = 0): unknown {
  if (depth > maxDepth || !isJsonObject(schema)) return value;
  if (Array.isArray(value)) return value.map((item) => withoutDefaults(item, schema["items"], depth + 1));
  const { properties } = schema;
  if (!isJsonObject(value) || !isJsonObject(properties)) return value;
  const given = Object.entries(value).filter(([name, field]) => !isDefault(field, ownField(properties, name)));
  return Object.fromEntries(
    given.map(([name, field]) => [name, withoutDefaults(field, ownField(properties, name), depth + 1)]),
  );
}

function isDefault(value: unknown, schema: unknown): boolean {
  if (!isJsonObject(schema) || !Object.hasOwn(schema, "default")) return false;
  const { default: usual } = schema;
  if (typeof usual !== "object" || usual === null) return value === usual;
  return typeof value === "object" && canonicalJson(value) === canonicalDefault(usual);
}

/** A list may hold many values that are to be compared with it. */
const canonicalDefault = onceFor((usual: object) => canonicalJson(usual));

function ownField(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
