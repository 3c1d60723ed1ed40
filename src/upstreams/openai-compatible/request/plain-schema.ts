// A schema without the limits of its values: for servers that compile schemas and fail at some of them. What a value may be
// by its type stays, and what is said of it. Pure.

import { isJsonObject, type Json, type JsonObject } from "../../../contract/json.ts";

/** What llama.cpp's grammars fail at (#25746, 2026-07), and vLLM's (backend_xgrammar.py, 2026-09). */
const limits: ReadonlySet<string> = new Set([
  "pattern",
  "format",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "uniqueItems",
  "contains",
  "minContains",
  "maxContains",
  "multipleOf",
  "propertyNames",
]);
/** Their values are schemas by names of somebody's own. */
const named: ReadonlySet<string> = new Set(["properties", "$defs", "definitions", "dependentSchemas"]);
/** Their values are schemas, or lists of them. */
const nested: ReadonlySet<string> = new Set([
  "items",
  "prefixItems",
  "additionalProperties",
  "anyOf",
  "oneOf",
  "allOf",
  "not",
]);
/** Schemas come from clients. */
const maxDepth = 50;

/** The same schema where it has no limits. */
export function withoutLimits(schema: Json, depth = 0): Json {
  if (depth > maxDepth) return schema;
  if (Array.isArray(schema)) return changed(schema, (item) => withoutLimits(item, depth + 1));
  if (!isJsonObject(schema)) return schema;
  // Casts: it came out of JSON.parse.
  const fields = Object.entries(schema) as [string, Json][];
  const kept = fields.filter(([field]) => !limits.has(field));
  const plain = kept.map(([field, value]): [string, Json] => [field, plainField(field, value, depth)]);
  const isSame = kept.length === fields.length && plain.every(([field, value]) => value === schema[field]);
  return isSame ? schema : Object.fromEntries(plain);
}

function plainField(field: string, value: Json, depth: number): Json {
  if (nested.has(field)) return withoutLimits(value, depth + 1);
  if (!named.has(field) || !isJsonObject(value)) return value;
  const schemas: JsonObject = value;
  const names = Object.keys(schemas);
  const plain = names.map((name) => withoutLimits(schemas[name] as Json, depth + 1));
  if (plain.every((schema, index) => schema === schemas[names[index]!])) return value;
  return Object.fromEntries(names.map((name, index) => [name, plain[index]!]));
}

function changed(list: readonly Json[], change: (item: Json) => Json): Json {
  const made = list.map(change);
  return made.every((item, index) => item === list[index]) ? (list as Json) : made;
}
