// The tools of a request after the changes that stand between its messages: added by value or by name, and taken away. The
// official package tells so what `addTools` and `removeTools` of its runner do, and agents what a tool server brings late.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";

/** Blocks that change the tools and say nothing. */
const addition = "tool_addition";
const removal = "tool_removal";

export function changesTools(type: unknown): boolean {
  return type === addition || type === removal;
}

/** @returns the very list where nothing changes it */
export function changedTools(tools: readonly unknown[], messages: unknown): readonly unknown[] {
  const changes = Array.isArray(messages) ? messages.flatMap(changesIn) : [];
  if (changes.length === 0) return tools;
  let offered = tools;
  const known = [...tools];
  for (const { type, tool } of changes) {
    if (!isJsonObject(tool)) continue;
    const definition = tool["type"] === "tool_definition" ? tool["definition"] : undefined;
    const name = isJsonObject(definition) ? definition["name"] : tool["name"];
    // What Anthropic's servers would ask an MCP server for is left out, whatever happens to be called the same.
    if (typeof name !== "string" || tool["type"] === "mcp_tool_reference") continue;
    const isNamed = (entry: unknown): boolean => isJsonObject(entry) && entry["name"] === name;
    // By its name alone one comes back that was told before and taken away.
    const added = definition ?? (offered.some(isNamed) ? undefined : known.findLast(isNamed));
    if (definition !== undefined) known.push(definition);
    if (type === removal || definition !== undefined) offered = offered.filter((entry) => !isNamed(entry));
    if (type === addition && added !== undefined) offered = [...offered, added];
  }
  return offered;
}

function changesIn(message: unknown): readonly JsonObject[] {
  const content = isJsonObject(message) && message["role"] === "system" ? message["content"] : undefined;
  if (!Array.isArray(content)) return none;
  return content.filter((block: unknown) => isJsonObject(block) && changesTools(block["type"]));
}

const none: readonly never[] = [];
