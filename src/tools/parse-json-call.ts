// The JSON of a call, in all the shapes that models give it, to calls of declared tools.

import type { FoundCall } from "./call-reader.ts";
import type { DeclaredTools, NamedTool } from "./declared-tools.ts";
import { type Entry, isJson, readEntries, readItems } from "./json-spans.ts";
import { repairArguments } from "./repair-arguments.ts";
import { repairJson } from "./repair-json.ts";
import { propertyOf, viewSchema } from "./schema-types.ts";
import type { ToolWarningKind } from "./tool-warning.ts";

/**
 * - `tagged`: the tags say that it is a call
 * - `bare`: nothing but the shape says so, so that the shape has to be exact
 */
export type CallForm = "tagged" | "bare";

const nameKeys: readonly string[] = ["name", "function", "tool_name", "tool"];
const argumentKeys: readonly string[] = ["arguments", "parameters", "args", "input"];
const otherKeys: ReadonlySet<string> = new Set(["id", "type", "index"]);
export const callKeys: ReadonlySet<string> = new Set([...nameKeys, ...argumentKeys, ...otherKeys]);

/**
 * @returns "broken" when the text is no JSON and cannot be mended, "other" when it is JSON but no call of a declared tool
 */
export function parseJsonCalls(
  text: string,
  tools: DeclaredTools,
  form: CallForm,
): readonly FoundCall[] | "broken" | "other" {
  const trimmed = text.trim();
  const isSound = isJson(trimmed);
  const json = isSound ? trimmed : repairJson(trimmed);
  if (json === undefined) return "broken";
  const warnings: readonly ToolWarningKind[] = isSound ? [] : ["arguments-repaired"];
  const items = readItems(json)?.map(({ start, end }) => json.slice(start, end)) ?? [json];
  const calls: FoundCall[] = [];
  for (const item of items) {
    const call = readCall(item, tools, form, warnings);
    if (call === undefined) return "other";
    calls.push(call);
  }
  return calls.length === 0 ? "other" : calls;
}

function readCall(
  json: string,
  tools: DeclaredTools,
  form: CallForm,
  before: readonly ToolWarningKind[],
): FoundCall | undefined {
  const entries = readEntries(json);
  if (entries === undefined) return undefined;
  const textOf = (entry: Entry) => json.slice(entry.start, entry.end);
  const nested = entries.find((entry) => entry.key === "function" && json[entry.start] === "{");
  if (nested !== undefined) return readCall(textOf(nested), tools, form, before);

  const nameEntry = entries.find((entry) => nameKeys.includes(entry.key) && json[entry.start] === '"');
  // A JSON string by its first sign.
  const named = nameEntry && tools.find(JSON.parse(textOf(nameEntry)) as string);
  if (named === undefined) return undefined;
  const argumentsEntry = entries.find((entry) => argumentKeys.includes(entry.key));
  const rest = entries.filter((entry) => entry !== nameEntry && entry !== argumentsEntry && !otherKeys.has(entry.key));
  if (form === "bare" && (argumentsEntry === undefined || rest.length > 0)) return undefined;
  if (argumentsEntry?.key === "parameters" && isSchema(textOf(argumentsEntry), named)) return undefined;
  const warnings = named.isRepaired ? [...before, "name-repaired" as const] : before;
  if (argumentsEntry !== undefined) return makeCall(named, textOf(argumentsEntry), warnings);
  if (rest.length === 0) return makeCall(named, "{}", warnings);
  return readFlatCall(json, named, rest, warnings);
}

/** The tool's definition, repeated from the prompt: it calls its schema `parameters`. */
function isSchema(json: string, { tool }: NamedTool): boolean {
  const isDeclared = propertyOf(viewSchema(tool.parameters), "properties") !== undefined;
  return !isDeclared && (readEntries(json) ?? []).some(({ key, start }) => key === "properties" && json[start] === "{");
}

/** `{"name": "read", "path": "a.txt"}`: arguments beside the name, if all of them are the tool's. */
function readFlatCall(
  json: string,
  named: NamedTool,
  entries: readonly Entry[],
  warnings: readonly ToolWarningKind[],
): FoundCall | undefined {
  const schema = viewSchema(named.tool.parameters);
  if (!entries.every((entry) => propertyOf(schema, entry.key) !== undefined)) return undefined;
  const fields = entries.map((entry) => `${JSON.stringify(entry.key)}: ${json.slice(entry.start, entry.end)}`);
  return makeCall(named, `{${fields.join(", ")}}`, [...warnings, "arguments-repaired"]);
}

function makeCall(named: NamedTool, text: string, before: readonly ToolWarningKind[]): FoundCall {
  const repaired = repairArguments(text, named.tool.parameters);
  const warnings = [...new Set([...before, ...repaired.warnings])];
  return { tool: named.tool, argumentsText: repaired.text, warnings };
}

/**
 * The call of a text whose arguments no repair could read: they are passed on as they came. The tags and a declared
 * name say that it is a call, and an agent can tell the model what is wrong with it.
 */
export function parseUnreadableCall(text: string, tools: DeclaredTools): FoundCall | undefined {
  const match = /^\{\s*"name"\s*:\s*"([^"\\]+)"\s*,\s*"(?:arguments|parameters)"\s*:\s*(\{[\s\S]*\})\s*\}\s*$/.exec(
    text.trim(),
  );
  const named = match?.[1] === undefined ? undefined : tools.find(match[1]);
  if (named === undefined) return undefined;
  return { tool: named.tool, argumentsText: match?.[2] ?? "", warnings: ["arguments-unreadable"] };
}
