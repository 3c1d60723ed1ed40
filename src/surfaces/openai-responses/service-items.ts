// What a service did itself in histories that began there: calls of MCP servers, searches, code, pictures, a computer. What can
// be read of it is told.

import { stringifyExact } from "../../contract/exact-json.ts";
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
  mcp_approval_request: tellApprovalAsked,
  mcp_approval_response: tellApproval,
  web_search_call: tellWebSearch,
  code_interpreter_call: tellCode,
  file_search_call: tellFileSearch,
  image_generation_call: tellPicture,
  computer_call: tellComputer,
};

function tellMcpCall({ server_label, name, arguments: given, output, error }: JsonObject): string {
  const call = `${upperFirst(mcpTool(name, server_label))} was called${givenTo(given)}.`;
  const failed = wordsIn(error);
  if (failed.length > 0) return `${call} It failed:\n${failed.join("\n")}`;
  const answered = wordsIn(output);
  return answered.length === 0 ? call : `${call} It answered:\n${answered.join("\n")}`;
}

function mcpTool(name: unknown, serverLabel: unknown): string {
  const [tool] = wordsIn(name);
  return `${tool === undefined ? "a tool" : `the tool "${tool}"`} of ${mcpServer(serverLabel)}`;
}

function mcpServer(label: unknown): string {
  const [name] = wordsIn(label);
  return name === undefined ? "an MCP server" : `the MCP server "${name}"`;
}

function tellApprovalAsked({ server_label, name, arguments: given }: JsonObject): string {
  return `Leave was asked for to call ${mcpTool(name, server_label)}${givenTo(given)}.`;
}

function tellApproval({ approve, reason }: JsonObject): string | undefined {
  if (typeof approve !== "boolean") return undefined;
  const [why] = wordsIn(reason);
  const given = approve ? "Leave was given to call the tool" : "Leave was refused to call the tool";
  return why === undefined ? `${given}.` : `${given}: ${why}`;
}

function tellMcpTools({ server_label, tools, error }: JsonObject): string | undefined {
  const failed = wordsIn(error);
  const server = mcpServer(server_label);
  if (failed.length > 0) return `${upperFirst(server)} did not tell its tools:\n${failed.join("\n")}`;
  const names = (Array.isArray(tools) ? tools : []).flatMap((tool) =>
    isJsonObject(tool) ? wordsIn(tool["name"]) : [],
  );
  return names.length === 0 ? undefined : `${upperFirst(server)} had the tools ${names.join(", ")}.`;
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
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

/** What it shows stands in its bytes, which are no text. */
function tellPicture({ status, revised_prompt, error }: JsonObject): string | undefined {
  const [asked] = wordsIn(revised_prompt);
  const picture = asked === undefined ? "A picture" : `A picture of "${asked}"`;
  const failed = wordsIn(error);
  if (failed.length > 0) return `${picture} could not be made:\n${failed.join("\n")}`;
  return status === "failed" ? `${picture} could not be made.` : `${picture} was made.`;
}

/** One action, or several at once. */
function tellComputer({ action, actions }: JsonObject): string | undefined {
  const done = [action, ...(Array.isArray(actions) ? actions : [])].filter(isJsonObject);
  if (done.length === 0) return undefined;
  return `A computer was used:\n${done.map((one) => stringifyExact(one)).join("\n")}`;
}

function withFound(asked: string, found: unknown): string {
  const words = wordsIn(found);
  return words.length === 0 ? asked : `${asked} Found:\n${words.join("\n")}`;
}

function quoted(texts: readonly string[]): string {
  return texts.map((text) => `"${text}"`).join(", ");
}
