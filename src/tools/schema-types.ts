// What a JSON schema says of one value: its types, its properties, its items. Only what repairs need; no validator.

import { isJsonObject, type JsonObject } from "../contract/json.ts";

export type JsonType = "string" | "number" | "integer" | "boolean" | "object" | "array" | "null";

const jsonTypes: ReadonlySet<string> = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);
/** Schemas come from clients and may refer to themselves. */
const maxDepth = 8;

/** A place in a schema. `root` is where references lead. */
export interface SchemaView {
  readonly schema: unknown;
  readonly root: unknown;
}

export function viewSchema(schema: unknown): SchemaView {
  return { schema, root: schema };
}

/** The types that a value may have; undefined when the schema does not say. */
export function typesOf(view: SchemaView, depth = 0): ReadonlySet<JsonType> | undefined {
  const schema = resolve(view);
  if (schema === undefined || depth > maxDepth) return undefined;
  const types = new Set<JsonType>();
  for (const type of listOf(schema["type"])) if (isJsonType(type)) types.add(type);
  if (types.size === 0) addLiteralTypes(schema, types);
  if (types.size === 0) {
    const alternatives = [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])];
    for (const alternative of alternatives) {
      const found = typesOf({ schema: alternative, root: view.root }, depth + 1);
      // One alternative that allows everything makes the others void.
      if (found === undefined) return undefined;
      for (const type of found) types.add(type);
    }
    for (const part of listOf(schema["allOf"])) {
      for (const type of typesOf({ schema: part, root: view.root }, depth + 1) ?? []) types.add(type);
    }
  }
  if (types.size === 0 && isJsonObject(schema["properties"])) types.add("object");
  if (types.size > 0 && schema["nullable"] === true) types.add("null");
  return types.size === 0 ? undefined : types;
}

/** The schema of an object's property; undefined when nothing is declared for that name. */
export function propertyOf(view: SchemaView, name: string): SchemaView | undefined {
  for (const schema of objectSchemas(view, 0)) {
    const properties = schema["properties"];
    if (isJsonObject(properties) && Object.hasOwn(properties, name))
      return { schema: properties[name], root: view.root };
    if (isJsonObject(schema["additionalProperties"]))
      return { schema: schema["additionalProperties"], root: view.root };
  }
  return undefined;
}

export function itemsOf(view: SchemaView): SchemaView | undefined {
  for (const schema of objectSchemas(view, 0)) {
    if (isJsonObject(schema["items"])) return { schema: schema["items"], root: view.root };
  }
  return undefined;
}

/** Names of the properties that must be there, whatever else. */
export function requiredOf(view: SchemaView): readonly string[] {
  const required = resolve(view)?.["required"];
  return listOf(required).filter((name) => typeof name === "string");
}

/** The schema, the parts that it is made of, and its only alternative that is not null. */
function objectSchemas(view: SchemaView, depth: number): readonly JsonObject[] {
  const schema = resolve(view);
  if (schema === undefined || depth > maxDepth) return [];
  const inner = (part: unknown) => objectSchemas({ schema: part, root: view.root }, depth + 1);
  const alternatives = [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])].filter(
    (part) => !(isJsonObject(part) && part["type"] === "null"),
  );
  const only = alternatives.length === 1 ? inner(alternatives[0]) : [];
  return [schema, ...listOf(schema["allOf"]).flatMap(inner), ...only];
}

/** Follows references within the document. */
function resolve(view: SchemaView): JsonObject | undefined {
  let schema = view.schema;
  for (let hops = 0; hops < maxDepth; hops++) {
    if (!isJsonObject(schema)) return undefined;
    const reference = schema["$ref"];
    if (typeof reference !== "string") return schema;
    if (!reference.startsWith("#")) return undefined;
    schema = follow(view.root, reference);
  }
  return undefined;
}

function follow(root: unknown, reference: string): unknown {
  let place = root;
  for (const step of reference.split("/").slice(1)) {
    if (!isJsonObject(place)) return undefined;
    place = place[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return place;
}

function addLiteralTypes(schema: JsonObject, types: Set<JsonType>): void {
  const values = "const" in schema ? [schema["const"]] : listOf(schema["enum"]);
  for (const value of values) {
    if (value === null) types.add("null");
    else if (Array.isArray(value)) types.add("array");
    else if (isJsonType(typeof value)) types.add(typeof value as JsonType); // checked in this line
  }
}

function isJsonType(value: unknown): value is JsonType {
  return typeof value === "string" && jsonTypes.has(value);
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
