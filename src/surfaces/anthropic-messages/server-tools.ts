// What Anthropic's servers did themselves in histories that began there: MCP servers, searches, code. What can be read is told.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { onceFor } from "../../contract/once-for.ts";
import { givenTo, wordsIn } from "../notes.ts";

/**
 * @param blocks of the same message: the block of a call tells what its result is of
 * @returns undefined where nothing can be read, and for other blocks
 */
export function tellServerTool(block: JsonObject, blocks: readonly unknown[]): string | undefined {
  const { type, name, input } = block;
  if (type === "mcp_tool_use") {
    return `The tool "${name}" of the MCP server "${block["server_name"]}" was called${givenTo(input)}.`;
  }
  if (type === "server_tool_use") {
    const given = givenTo(input);
    return given === "" ? undefined : `The tool "${name}" was called${given}.`;
  }
  if (typeof type !== "string" || !type.endsWith("_tool_result")) return undefined;
  return tellResult(block, blocks);
}

function tellResult({ tool_use_id, content, is_error }: JsonObject, blocks: readonly unknown[]): string | undefined {
  const words = wordsIn(content);
  if (words.length === 0) return undefined;
  const name = namesIn(blocks).get(tool_use_id);
  const tool = name === undefined ? "A tool" : `The tool "${name}"`;
  const hasFailed = is_error === true || (isJsonObject(content) && String(content["type"]).endsWith("_error"));
  return `${tool} ${hasFailed ? "failed" : "answered"}:\n${words.join("\n")}`;
}

/** Of calls, by their ids: a message may hold many. */
const namesIn = onceFor((blocks: readonly unknown[]) => {
  const names = new Map<unknown, string>();
  for (const block of blocks) {
    if (isJsonObject(block) && typeof block["name"] === "string") names.set(block["id"], block["name"]);
  }
  return names;
});
