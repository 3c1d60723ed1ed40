// What a service did itself in histories that began there: calls of MCP servers, searches, code. What can be read of it is told.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { givenTo, wordsIn } from "../notes.ts";

/** @returns undefined where nothing can be read */
export function tellServiceItem(item: JsonObject): string | undefined {
  const type = item["type"];
  return typeof type === "string" && Object.hasOwn(tellers, type) ? tellers[type]?.(item) : undefined;
}

const tellers: Readonly<Record<string, (item: JsonObject) => string | undefined>> = {
  mcp_call: tellMcpCall,
  mcp_list_tools: tellMcpTools,
  web_search_call: tellWebSearch,
  code_interpreter_call: tellCode,
  file_search_call: tellFileSearch,
};

function tellMcpCall({ server_label, name, arguments: given, output, error }: JsonObject): string {
  const call = `The tool "${name}" of the MCP server "${server_label}" was called${givenTo(given)}.`;
  const failed = wordsIn(error);
  if (failed.length > 0) return `${call} It failed:\n${failed.join("\n")}`;
  const answered = wordsIn(output);
  return answered.length === 0 ? call : `${call} It answered:\n${answered.join("\n")}`;
}

function tellMcpTools({ server_label, tools, error }: JsonObject): string | undefined {
  const failed = wordsIn(error);
  if (failed.length > 0) return `The MCP server "${server_label}" did not tell its tools:\n${failed.join("\n")}`;
  const names = (Array.isArray(tools) ? tools : []).flatMap((tool) =>
    isJsonObject(tool) ? wordsIn(tool["name"]) : [],
  );
  return names.length === 0 ? undefined : `The MCP server "${server_label}" had the tools ${names.join(", ")}.`;
}

function tellWebSearch({ action }: JsonObject): string | undefined {
  if (!isJsonObject(action)) return undefined;
  const [url] = wordsIn(action["url"]);
  const [pattern] = wordsIn(action["pattern"]);
  if (url !== undefined && pattern !== undefined) return `"${pattern}" was looked for in the page ${url}.`;
  if (url !== undefined) return `The page ${url} was opened.`;
  const queries = wordsIn(action["queries"]);
  const asked = queries.length > 0 ? queries : wordsIn(action["query"]);
  if (asked.length === 0) return undefined;
  return withFound(`The web was searched for ${quoted(asked)}.`, action["sources"]);
}

function tellFileSearch({ queries, results }: JsonObject): string | undefined {
  const asked = wordsIn(queries);
  return asked.length === 0 ? undefined : withFound(`Files were searched for ${quoted(asked)}.`, results);
}

function tellCode({ code, outputs }: JsonObject): string | undefined {
  const [text] = wordsIn(code);
  if (text === undefined) return undefined;
  // Its pictures stand at addresses of the service.
  const printed = (Array.isArray(outputs) ? outputs : []).flatMap((output) =>
    isJsonObject(output) ? wordsIn(output["logs"]) : [],
  );
  const ran = `This code was run:\n${text}`;
  return printed.length === 0 ? ran : `${ran}\nIt printed:\n${printed.join("\n")}`;
}

function withFound(asked: string, found: unknown): string {
  const words = wordsIn(found);
  return words.length === 0 ? asked : `${asked} Found:\n${words.join("\n")}`;
}

function quoted(texts: readonly string[]): string {
  return texts.map((text) => `"${text}"`).join(", ");
}
