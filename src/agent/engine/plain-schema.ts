// A tool's schema as the model is shown it: its texts are a stranger's, so they are short, clean and without markup.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { briefText, withoutMarkup } from "./clean-text.ts";

const maxTextChars = 300;
/** What a schema may cost in a prompt. Beyond it the texts go, then all but the names and types of what is asked for. */
const maxSchemaChars = 12_000;
const maxDepth = 12;
/** Of a list of allowed values, say. */
const mostItems = 200;

export function plainSchema(schema: JsonObject): JsonObject {
  // The protocol wants an object; models and upstreams refuse anything else.
  const whole: JsonObject = { type: "object", ...cleanObject(schema, { keepTexts: true }, 0) };
  if (fits(whole)) return whole;
  const silent: JsonObject = { type: "object", ...cleanObject(schema, { keepTexts: false }, 0) };
  return fits(silent) ? silent : outline(silent);
}

function fits(schema: JsonObject): boolean {
  return JSON.stringify(schema).length <= maxSchemaChars;
}

interface Cleaning {
  readonly keepTexts: boolean;
}

const texts: ReadonlySet<string> = new Set(["description", "title", "examples", "$comment", "default"]);

function cleanObject(part: JsonObject, cleaning: Cleaning, depth: number): JsonObject {
  const entries = Object.entries(part)
    .slice(0, mostItems)
    // Only where they are words of the schema: a property may be called "description" too, and is an object then.
    .filter(([key, value]) => cleaning.keepTexts || !texts.has(key) || isJsonObject(value))
    .map(([key, value]) => [cleanKey(key), cleanValue(value, cleaning, depth + 1)] as const);
  return Object.fromEntries(entries);
}

function cleanValue(value: unknown, cleaning: Cleaning, depth: number): unknown {
  if (typeof value === "string") return withoutMarkup(briefText(value, maxTextChars));
  if (depth > maxDepth) return Array.isArray(value) ? [] : isJsonObject(value) ? {} : value;
  if (Array.isArray(value)) return value.slice(0, mostItems).map((item) => cleanValue(item, cleaning, depth + 1));
  return isJsonObject(value) ? cleanObject(value, cleaning, depth) : value;
}

/** Keys stay what they are where they can: a call is made with them. */
function cleanKey(key: string): string {
  return /^[\w$.-]{1,100}$/.test(key) ? key : withoutMarkup(briefText(key, 100));
}

function outline(schema: JsonObject): JsonObject {
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const entries = Object.entries(properties)
    .slice(0, 50)
    .map(([name, property]) => [name, isJsonObject(property) ? { type: property["type"] ?? "string" } : {}] as const);
  const shown: JsonObject = { type: "object", properties: Object.fromEntries(entries), required };
  return fits(shown) ? shown : { type: "object" };
}
