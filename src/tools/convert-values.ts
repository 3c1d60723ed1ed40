// Values turned into the types that a schema declares: "5" into 5 where a number is meant, 5 into "5" where a text is.
// Only what can be done without guessing; all other bytes of the JSON text stay as they are.

import { isJson, readEntries, readItems } from "./json-spans.ts";
import { repairJson } from "./repair-json.ts";
import { itemsOf, type JsonType, propertyOf, requiredOf, type SchemaView, typesOf } from "./schema-types.ts";

export interface Conversion {
  readonly json: string;
  /** Something does not fit, and was left as it is. */
  readonly isInvalid: boolean;
}

/** Deeper values are not looked at: they come from models, and the stack is finite. */
const maxDepth = 50;
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** @param json valid JSON without white space around it */
export function convertValue(json: string, view: SchemaView | undefined, depth = 0): Conversion {
  if (view === undefined || depth > maxDepth) return { json, isInvalid: false };
  const types = typesOf(view);
  let text = json;
  let isInvalid = false;
  if (types !== undefined && !fits(text, types)) {
    const converted = convertTo(text, types);
    if (converted === undefined) isInvalid = true;
    else text = converted;
  }
  const inner = text.startsWith("{")
    ? convertEntries(text, view, depth)
    : text.startsWith("[")
      ? convertItems(text, view, depth)
      : { json: text, isInvalid: false };
  return { json: inner.json, isInvalid: isInvalid || inner.isInvalid };
}

/**
 * Reads bare text, such as the value of a `<parameter>`, as one of the types: the strictest that it fits.
 * @returns JSON; undefined when it is none of them but a text
 */
export function readBareText(text: string, types: ReadonlySet<JsonType>): string | undefined {
  const trimmed = text.trim();
  if (types.has("null") && (trimmed === "null" || trimmed === "None")) return "null";
  if (types.has("boolean") && /^(?:true|false)$/i.test(trimmed)) return trimmed.toLowerCase();
  if (types.has("integer")) {
    const whole = /^(-?(?:0|[1-9]\d*))(?:\.0+)?$/.exec(trimmed)?.[1];
    if (whole !== undefined) return whole;
  }
  if (types.has("number") && jsonNumber.test(trimmed)) return trimmed;
  if (types.has("object") && trimmed.startsWith("{")) return readJsonAs(trimmed, "{");
  if (types.has("array") && trimmed.startsWith("[")) return readJsonAs(trimmed, "[");
  return undefined;
}

function readJsonAs(text: string, opening: string): string | undefined {
  const json = isJson(text) ? text : repairJson(text);
  return json?.startsWith(opening) ? json : undefined;
}

function convertTo(json: string, types: ReadonlySet<JsonType>): string | undefined {
  // A JSON string by its first sign.
  if (json.startsWith('"')) return readBareText(JSON.parse(json) as string, types);
  return types.has("string") && json !== "null" ? JSON.stringify(json) : undefined;
}

function convertEntries(json: string, view: SchemaView, depth: number): Conversion {
  const entries = readEntries(json) ?? [];
  const names = new Set(entries.map((entry) => entry.key));
  let isInvalid = requiredOf(view).some((name) => !names.has(name));
  let converted = "";
  let copied = 0;
  for (const { key, start, end } of entries) {
    const value = convertValue(json.slice(start, end), propertyOf(view, key), depth + 1);
    isInvalid ||= value.isInvalid;
    converted += json.slice(copied, start) + value.json;
    copied = end;
  }
  return { json: converted + json.slice(copied), isInvalid };
}

function convertItems(json: string, view: SchemaView, depth: number): Conversion {
  const schema = itemsOf(view);
  if (schema === undefined) return { json, isInvalid: false };
  let isInvalid = false;
  let converted = "";
  let copied = 0;
  for (const { start, end } of readItems(json) ?? []) {
    const value = convertValue(json.slice(start, end), schema, depth + 1);
    isInvalid ||= value.isInvalid;
    converted += json.slice(copied, start) + value.json;
    copied = end;
  }
  return { json: converted + json.slice(copied), isInvalid };
}

function fits(json: string, types: ReadonlySet<JsonType>): boolean {
  switch (json[0]) {
    case '"':
      return types.has("string");
    case "{":
      return types.has("object");
    case "[":
      return types.has("array");
    case "n":
      return types.has("null");
    case "t":
    case "f":
      return types.has("boolean");
    default:
      return types.has("number") || (types.has("integer") && Number.isInteger(Number(json)));
  }
}
