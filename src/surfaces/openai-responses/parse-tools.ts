// The tools of a Responses request as functions, the only kind that models are told of, and the choice among them.

import type { ToolChoice, ToolDefinition } from "../../contract/chat-request.ts";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { onceFor } from "../../contract/once-for.ts";
import { invalid } from "../check-body.ts";
import { customTool } from "../custom-tools.ts";
import { type ClientToolKind, clientToolKind, defineClientTool } from "./client-tools.ts";

/** A tool as its client declared it, beside what the model is told of it. */
export interface DeclaredTool {
  readonly definition: ToolDefinition;
  /** What its client knows of its calls: a function has JSON arguments, a custom tool free text, a search finds further tools. */
  readonly kind: "function" | "custom" | "search" | ClientToolKind;
  /** As its client calls it: the model may know it by a longer name. */
  readonly ownName: string;
  readonly namespace: string | undefined;
}

const none: readonly never[] = [];

/** Tools that the service itself would run are left out, never refused. */
export function parseTools(list: unknown): readonly DeclaredTool[] {
  return Array.isArray(list) ? toolsIn(list) : none;
}

const toolsIn = onceFor((list: readonly unknown[]): readonly DeclaredTool[] => {
  const tools: Declared = { all: [], names: new Set(), clientTools: new Map() };
  addTools(tools, list, undefined);
  // Behind all that bring names of their own.
  for (const [kind, definition] of tools.clientTools) addClientTool(tools, kind, definition);
  return tools.all;
});

interface Declared {
  readonly all: DeclaredTool[];
  /** By which the model knows them. */
  readonly names: Set<string>;
  /** Of each kind one, whatever else is declared of it. */
  readonly clientTools: Map<ClientToolKind, ToolDefinition>;
}

function addTools(tools: Declared, list: readonly unknown[], namespace: string | undefined): void {
  for (const entry of list) {
    if (!isJsonObject(entry)) continue;
    const name = typeof entry["name"] === "string" ? entry["name"] : undefined;
    const clientTool = clientToolKind(entry["type"]);
    // Codex keeps the tools of one matter together so.
    if (entry["type"] === "namespace" && Array.isArray(entry["tools"])) addTools(tools, entry["tools"], name);
    else if (entry["type"] === "custom" && name !== undefined)
      addTool(tools, namespace, "custom", customTool(entry, name));
    else if (entry["type"] === "tool_search") addSearch(tools, entry, namespace);
    else if (clientTool !== undefined) noteClientTool(tools, clientTool, entry);
    else if (entry["type"] === "function" || entry["type"] === undefined) addFunction(tools, entry, namespace);
  }
}

/** Its name is its type. One that the service would do is left out. */
export const searchName = "tool_search";

function addSearch(tools: Declared, entry: JsonObject, namespace: string | undefined): void {
  if (entry["execution"] === "client") addTool(tools, namespace, "search", definitionIn(entry, searchName));
}

function noteClientTool(tools: Declared, kind: ClientToolKind, entry: JsonObject): void {
  const definition = defineClientTool(kind, entry);
  if (definition !== undefined) tools.clientTools.set(kind, definition);
}

/** OpenAI's types and the client's functions do not share their names, but models know functions alone: servers refuse two of one name. */
function addClientTool(tools: Declared, kind: ClientToolKind, definition: ToolDefinition): void {
  let { name } = definition;
  while (tools.names.has(name)) name += "_tool";
  tools.names.add(name);
  tools.all.push({ definition: { ...definition, name }, kind, ownName: kind, namespace: undefined });
}

/** Some clients write it as in chat completions, one object deeper. */
function addFunction(tools: Declared, entry: JsonObject, namespace: string | undefined): void {
  const declared = isJsonObject(entry["function"]) ? entry["function"] : entry;
  const name = declared["name"];
  if (typeof name === "string") addTool(tools, namespace, "function", definitionIn(declared, name));
}

function definitionIn(declared: JsonObject, name: string): ToolDefinition {
  return {
    name,
    description: textOrNothing(declared["description"]),
    // Came out of JSON.parse.
    parameters: (declared["parameters"] ?? {}) as Json,
    ...(declared["strict"] === true ? { isStrict: true } : {}),
  };
}

function addTool(
  tools: Declared,
  namespace: string | undefined,
  kind: DeclaredTool["kind"],
  definition: ToolDefinition,
): void {
  const { name: ownName } = definition;
  const isTaken = tools.names.has(ownName);
  const name = isTaken && namespace !== undefined ? `${namespace}__${ownName}` : ownName;
  tools.names.add(name);
  tools.all.push({ definition: name === ownName ? definition : { ...definition, name }, kind, ownName, namespace });
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The name by which the model knows a tool that its client names so. */
export function toolNameOf(tools: readonly DeclaredTool[], ownName: string, namespace: unknown): string {
  const { exact, first } = namesIn(tools);
  return exact.get(placeOf(ownName, namespace ?? undefined)) ?? first.get(ownName) ?? ownName;
}

/** The same of a tool that its client names by its type. */
export function clientToolName(tools: readonly DeclaredTool[], kind: ClientToolKind): string {
  return namesIn(tools).byKind.get(kind) ?? toolNameOf(tools, kind, undefined);
}

/** By what clients say: histories have many calls. */
const namesIn = onceFor((tools: readonly DeclaredTool[]) => {
  const exact = new Map<string, string>();
  const first = new Map<string, string>();
  const byKind = new Map<DeclaredTool["kind"], string>();
  for (const { ownName, namespace, kind, definition } of tools) {
    byKind.set(kind, definition.name);
    const place = placeOf(ownName, namespace);
    if (!exact.has(place)) exact.set(place, definition.name);
    if (!first.has(ownName)) first.set(ownName, definition.name);
  }
  return { exact, first, byKind };
});

function placeOf(ownName: string, namespace: unknown): string {
  return JSON.stringify([ownName, namespace]);
}

/** True where the client wants the service to search; null is no wish. */
export function asksForWebSearch(list: unknown): boolean {
  if (!Array.isArray(list)) return false;
  return list.some(
    (entry) =>
      isJsonObject(entry) &&
      typeof entry["type"] === "string" &&
      entry["type"].startsWith("web_search") &&
      // Codex always declares the tool, and says so when it may not go out.
      entry["external_web_access"] !== false,
  );
}

export interface ParsedChoice {
  readonly toolChoice: ToolChoice | undefined;
  /** The only tools that may be called. */
  readonly tools: readonly ToolDefinition[];
}

/** @throws {GatewayError} `invalid-request` when it names a tool that is not declared: nobody could call it */
export function parseToolChoice(value: unknown, tools: readonly DeclaredTool[]): ParsedChoice {
  const all = definitionsOf(tools);
  if (value === "auto" || value === "none" || value === "required") return { toolChoice: value, tools: all };
  if (!isJsonObject(value)) return { toolChoice: undefined, tools: all };
  if (value["type"] === "allowed_tools" && Array.isArray(value["tools"])) {
    const names = value["tools"].flatMap((tool: unknown) => chosenName(tool, tools) ?? []);
    const toolChoice = value["mode"] === "required" ? "required" : "auto";
    // Tools of the service alone: there is nothing to be told apart.
    if (names.length === 0) return { toolChoice: undefined, tools: all };
    return { toolChoice, tools: all.filter(({ name }) => names.includes(name)) };
  }
  const name = chosenName(value, tools);
  return { toolChoice: name === undefined ? undefined : { toolName: name }, tools: all };
}

const definitionsOf = onceFor((tools: readonly DeclaredTool[]) => tools.map(({ definition }) => definition));

function chosenName(value: unknown, tools: readonly DeclaredTool[]): string | undefined {
  if (!isJsonObject(value)) return undefined;
  const kind = clientToolKind(value["type"]);
  const ownName = isJsonObject(value["function"]) ? value["function"]["name"] : (value["name"] ?? kind);
  // Without any tool there is nothing to choose from, and nothing to complain of: some clients always send a choice.
  if (typeof ownName !== "string" || tools.length === 0) return undefined;
  if (kind !== undefined && namesIn(tools).byKind.has(kind)) return clientToolName(tools, kind);
  if (namesIn(tools).first.has(ownName)) return toolNameOf(tools, ownName, value["namespace"]);
  if (isServicesOwn(value["type"])) return undefined;
  throw invalid("tool_choice", 'Invalid request: "tool_choice" names a tool that "tools" does not declare');
}

/** The service would have run it, such as a tool of an MCP server: it is left out, and so is the wish for it. */
function isServicesOwn(type: unknown): boolean {
  return type !== undefined && type !== "function" && type !== "custom";
}
