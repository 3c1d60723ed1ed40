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
  const changes = changesIn(messages);
  if (changes.length === 0) return tools;
  const known = new Map(tools.map((entry) => [nameOf(entry), entry]));
  const offered = new Map(known);
  for (const { type, tool } of changes) {
    // What Anthropic's servers would ask an MCP server for is left out, whatever happens to be called the same.
    if (!isJsonObject(tool) || tool["type"] === "mcp_tool_reference") continue;
    const definition = tool["type"] === "tool_definition" ? tool["definition"] : undefined;
    const name = nameOf(isJsonObject(definition) ? definition : tool);
    if (typeof name !== "string") continue;
    if (type === removal || definition !== undefined) offered.delete(name);
    if (definition !== undefined) known.set(name, definition);
    // By its name alone one comes back that was told before and taken away.
    if (type === addition && known.has(name) && !offered.has(name)) offered.set(name, known.get(name));
  }
  return [...offered.values()];
}

/** What has no name stands for itself: it is refused later. */
function nameOf(entry: unknown): unknown {
  return isJsonObject(entry) && typeof entry["name"] === "string" ? entry["name"] : entry;
}

/** In their order, those that a summary has kept of the messages in whose place it stands among them. */
export function changesIn(messages: unknown): readonly JsonObject[] {
  return Array.isArray(messages) ? messages.flatMap(changesOfMessage) : none;
}

function changesOfMessage(message: unknown): readonly JsonObject[] {
  if (!isJsonObject(message) || !Array.isArray(message["content"])) return none;
  const content: readonly unknown[] = message["content"];
  if (message["role"] === "system") return content.filter(isChange);
  if (message["role"] !== "assistant") return none;
  return content.flatMap(changesInSummary);
}

function changesInSummary(block: unknown): readonly JsonObject[] {
  const kept: unknown = isJsonObject(block) && block["type"] === "compaction" ? block["tool_changes"] : undefined;
  return Array.isArray(kept) ? kept.filter(isChange) : none;
}

function isChange(block: unknown): block is JsonObject {
  return isJsonObject(block) && changesTools(block["type"]);
}

const none: readonly never[] = [];
