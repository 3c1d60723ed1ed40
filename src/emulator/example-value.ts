// A value that a JSON schema allows: what the emulator fills in where nobody told it what to say.

import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";

/** References within one another: schemas may refer to themselves, and each of them is followed so often at most. */
const mostReferences = 8;
const mostRounds = 3;
/** Of one example: lists say themselves how long they are, and references may fan out. */
const mostValues = 5000;
const mostTextChars = 10_000;

interface Place {
  readonly root: unknown;
  /** Values that may still be made. */
  readonly budget: { values: number };
  /** Those that were followed on the way here. */
  readonly references: readonly string[];
}

/** @returns null where the schema never comes to an end, and for patterns a text that need not match */
export function exampleOf(schema: unknown): Json {
  return valueFor(schema, { root: schema, budget: { values: mostValues }, references: [] }) ?? null;
}

/** @returns undefined where the schema would go on in itself: a list does without it, a choice takes another one */
function valueFor(schema: unknown, place: Place): Json | undefined {
  if (!isJsonObject(schema) || place.budget.values === 0) return null;
  place.budget.values -= 1;
  const told = toldValue(schema);
  if (told !== undefined) return told;
  const reference = schema["$ref"];
  if (typeof reference === "string") return referredValue(reference, place);
  const choices = listOf(schema["anyOf"] ?? schema["oneOf"] ?? schema["allOf"]);
  if (choices.length > 0) return firstOf(choices, place);
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  switch (type) {
    case "string":
      return textOf(schema);
    case "integer":
    case "number":
      return numberOf(schema);
    case "boolean":
      return true;
    case "null":
      return null;
    case "array":
      return arrayOf(schema, place);
    default:
      return objectOf(schema, place);
  }
}

function referredValue(reference: string, place: Place): Json | undefined {
  const { root, references } = place;
  const rounds = references.filter((followed) => followed === reference).length;
  if (rounds === mostRounds || references.length === mostReferences) return undefined;
  return valueFor(resolve(reference, root), { ...place, references: [...references, reference] });
}

function firstOf(choices: readonly unknown[], place: Place): Json | undefined {
  for (const choice of choices) {
    const value = valueFor(choice, place);
    if (value !== undefined) return value;
  }
  return undefined;
}

function arrayOf(schema: JsonObject, place: Place): Json {
  const first = listOf(schema["prefixItems"]).map((item) => valueFor(item, place) ?? null);
  if (first.length > 0) return first;
  const least = limitOf(schema, "minItems") ?? 1;
  const items: Json[] = [];
  do {
    const item = valueFor(schema["items"] ?? { type: "string" }, place);
    if (item === undefined) break;
    items.push(item);
  } while (items.length < least && place.budget.values > 0);
  return items;
}

function objectOf(schema: JsonObject, place: Place): Json {
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const required = listOf(schema["required"]).filter((name) => typeof name === "string");
  return Object.fromEntries(required.map((name) => [name, valueFor(properties[name] ?? {}, place) ?? null]));
}

function toldValue(schema: JsonObject): Json | undefined {
  const values = [schema["const"], ...listOf(schema["enum"]), schema["default"], ...listOf(schema["examples"])];
  // A cast: the schema came as JSON.
  return values.find((value) => value !== undefined) as Json | undefined;
}

/** Of those that OpenAI's structured outputs know. */
const formats: Readonly<Record<string, string>> = {
  "date-time": "2026-01-01T00:00:00Z",
  date: "2026-01-01",
  time: "00:00:00",
  duration: "P1D",
  email: "ann@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/",
  uuid: "00000000-0000-4000-8000-000000000000",
};

function textOf(schema: JsonObject): string {
  const format = schema["format"];
  if (typeof format === "string" && Object.hasOwn(formats, format)) return formats[format] ?? "";
  const least = Math.min(limitOf(schema, "minLength") ?? 0, mostTextChars);
  return "example".slice(0, limitOf(schema, "maxLength")).padEnd(least, "e");
}

/** 1, or what is next to it of what the schema allows. */
function numberOf(schema: JsonObject): number {
  const step = limitOf(schema, "multipleOf") || 1;
  const least = limitOf(schema, "minimum") ?? beside(limitOf(schema, "exclusiveMinimum"), step);
  const most = limitOf(schema, "maximum") ?? beside(limitOf(schema, "exclusiveMaximum"), -step);
  const value = step * Math.ceil(Math.max(step, least ?? step) / step);
  return most === undefined ? value : Math.min(value, most);
}

function beside(bound: number | undefined, step: number): number | undefined {
  return bound === undefined ? undefined : bound + step;
}

function limitOf(schema: JsonObject, name: string): number | undefined {
  const limit = schema[name];
  return typeof limit === "number" ? limit : undefined;
}

function resolve(reference: string, root: unknown): unknown {
  let found: unknown = root;
  for (const name of reference.replace(/^#\/?/, "").split("/")) {
    if (name === "") continue;
    found = isJsonObject(found) ? found[name.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return found;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
