// Where a schema of a client is none: what nothing can fit, or would be passed over in silence. Pure.

import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { followSteps, stepsOf } from "../tools/schema-reference.ts";

const types: ReadonlySet<unknown> = new Set(["object", "array", "string", "number", "integer", "boolean", "null"]);

/** Where schemas stand within a schema. What stands in `enum`, `default` and the like is values. */
const inner = ["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"];
const lists = ["allOf", "anyOf", "oneOf", "prefixItems"];
const named = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/** More is not looked at: nothing is checked against schemas of such a size. */
const mostSchemas = 5000;

/** @returns the path of what is wrong, such as `properties.city.type`; undefined: nothing is */
export function schemaFault(root: JsonObject): string | undefined {
  const waiting: { readonly schema: unknown; readonly path: string }[] = [{ schema: root, path: "" }];
  for (let count = 0; count < mostSchemas; count++) {
    const next = waiting.pop();
    if (next === undefined) return undefined;
    const { schema, path } = next;
    if (typeof schema === "boolean") continue;
    if (!isJsonObject(schema)) return path;
    const keyword = faultyKeyword(schema, root);
    if (keyword !== undefined) return join(path, keyword);
    for (const key of inner) {
      const value = schema[key];
      // A list of schemas, before 2020.
      if (key === "items" && Array.isArray(value)) {
        for (const [at, one] of value.entries()) waiting.push(placed(one, path, key, at));
      } else if (value != null) waiting.push({ schema: value, path: join(path, key) });
    }
    for (const key of [...lists, ...named]) {
      for (const [name, value] of Object.entries(schema[key] ?? {})) waiting.push(placed(value, path, key, name));
    }
  }
  return undefined;
}

function placed(schema: unknown, path: string, key: string, name: string | number) {
  return { schema, path: join(join(path, key), String(name)) };
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** Some clients write null for what they do not say. */
function faultyKeyword(schema: JsonObject, root: JsonObject): string | undefined {
  const { type, required, enum: choices, $ref } = schema;
  if (type != null && ![type].flat().every((one) => types.has(one))) return "type";
  if (required != null && !isTextList(required)) return "required";
  if (choices != null && !(Array.isArray(choices) && choices.length > 0)) return "enum";
  if ($ref != null && (typeof $ref !== "string" || !leadsSomewhere($ref, root))) return "$ref";
  const list = lists.find((key) => schema[key] != null && !(Array.isArray(schema[key]) && schema[key].length > 0));
  return list ?? named.find((key) => schema[key] != null && !isJsonObject(schema[key]));
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/** What lies outside, or is called by a name of its own, is not followed. */
function leadsSomewhere(reference: string, root: JsonObject): boolean {
  if (!reference.startsWith("#/")) return true;
  const steps = stepsOf(reference);
  return steps !== undefined && followSteps(root, steps) !== undefined;
}
