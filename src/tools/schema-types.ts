// What a JSON schema says of one value: its types, its properties, its items. Only what repairs need; no validator.

import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { onceFor } from "../contract/once-for.ts";
import { followSteps, stepsOf } from "./schema-reference.ts";

export type JsonType = "string" | "number" | "integer" | "boolean" | "object" | "array" | "null";

const jsonTypes: ReadonlySet<string> = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);
/** Schemas come from clients and may refer to themselves. */
const maxDepth = 8;
const none: readonly never[] = [];

/** A place in a schema. `root` is where references lead. */
export interface SchemaView {
  readonly schema: unknown;
  readonly root: unknown;
}

export function viewSchema(schema: unknown): SchemaView {
  return { schema, root: schema };
}

/** The types that a value may have; undefined when the schema does not say. */
export function typesOf({ schema, root }: SchemaView): ReadonlySet<JsonType> | undefined {
  return isJsonObject(schema) && isJsonObject(root) ? partsWithin(root).types(schema) : undefined;
}

/** What is read of a part is read once: many values may have one that is long. */
const partsWithin = onceFor((root: JsonObject) => ({
  types: onceFor((schema: JsonObject) => typesAt({ schema, root }, 0, [])),
  objects: onceFor((schema: JsonObject) => {
    const found: JsonObject[] = [];
    collectSchemas({ schema, root }, 0, [], found);
    return found;
  }),
}));

type KnownTypes = Map<JsonObject, ReadonlySet<JsonType> | undefined>;

/** @param known by depth: parts that refer to one another in many ways are read once at each, not once in each way */
function typesAt(view: SchemaView, depth: number, known: KnownTypes[]): ReadonlySet<JsonType> | undefined {
  const schema = resolve(view);
  if (schema === undefined || depth > maxDepth) return undefined;
  const here: KnownTypes = known[depth] ?? new Map();
  known[depth] = here;
  if (!here.has(schema)) {
    const typesOfPart = (part: unknown) => typesAt({ schema: part, root: view.root }, depth + 1, known);
    here.set(schema, readTypes(schema, typesOfPart));
  }
  return here.get(schema);
}

function readTypes(
  schema: JsonObject,
  typesOfPart: (part: unknown) => ReadonlySet<JsonType> | undefined,
): ReadonlySet<JsonType> | undefined {
  const types = new Set<JsonType>();
  for (const type of listOf(schema["type"])) if (isJsonType(type)) types.add(type);
  if (types.size === 0) addLiteralTypes(schema, types);
  if (types.size === 0) {
    for (const alternative of [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])]) {
      const found = typesOfPart(alternative);
      // One alternative that allows everything makes the others void.
      if (found === undefined) return undefined;
      for (const type of found) types.add(type);
    }
    for (const part of listOf(schema["allOf"])) for (const type of typesOfPart(part) ?? []) types.add(type);
  }
  if (types.size === 0 && isJsonObject(schema["properties"])) types.add("object");
  if (types.size > 0 && schema["nullable"] === true) types.add("null");
  return types.size === 0 ? undefined : types;
}

/** The schema of an object's property; undefined when nothing is declared for that name. */
export function propertyOf(view: SchemaView, name: string): SchemaView | undefined {
  for (const schema of objectSchemas(view)) {
    const properties = schema["properties"];
    if (isJsonObject(properties) && Object.hasOwn(properties, name))
      return { schema: properties[name], root: view.root };
    if (isJsonObject(schema["additionalProperties"]))
      return { schema: schema["additionalProperties"], root: view.root };
  }
  return undefined;
}

export function itemsOf(view: SchemaView): SchemaView | undefined {
  for (const schema of objectSchemas(view)) {
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
function objectSchemas({ schema, root }: SchemaView): readonly JsonObject[] {
  return isJsonObject(schema) && isJsonObject(root) ? partsWithin(root).objects(schema) : none;
}

/** @param seen by depth, as in `typesAt`: a part that comes again at the same one has nothing new */
function collectSchemas(view: SchemaView, depth: number, seen: Set<JsonObject>[], found: JsonObject[]): void {
  const schema = resolve(view);
  if (schema === undefined || depth > maxDepth) return;
  const here = seen[depth] ?? new Set();
  seen[depth] = here;
  if (here.has(schema)) return;
  here.add(schema);
  found.push(schema);
  const alternatives = [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])].filter(
    (part) => !(isJsonObject(part) && part["type"] === "null"),
  );
  const parts = [...listOf(schema["allOf"]), ...(alternatives.length === 1 ? alternatives : [])];
  for (const part of parts) collectSchemas({ schema: part, root: view.root }, depth + 1, seen, found);
}

/** Follows references within the document. */
function resolve(view: SchemaView): JsonObject | undefined {
  let schema = view.schema;
  for (let hops = 0; hops < maxDepth; hops++) {
    if (!isJsonObject(schema)) return undefined;
    const reference = schema["$ref"];
    if (typeof reference !== "string") return schema;
    const steps = stepsOf(reference);
    schema = steps && followSteps(view.root, steps);
  }
  return undefined;
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
