// A value that a JSON schema allows: what the emulator fills in where nobody told it what to say.

import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";

/** Deeper schemas are cut off: they may refer to themselves. */
const mostDepth = 6;

export function exampleOf(schema: unknown, root: unknown = schema, depth = 0): Json {
  if (!isJsonObject(schema) || depth > mostDepth) return null;
  const told = toldValue(schema);
  if (told !== undefined) return told;
  const reference = schema["$ref"];
  if (typeof reference === "string") return exampleOf(resolve(reference, root), root, depth + 1);
  const [choice] = listOf(schema["anyOf"] ?? schema["oneOf"] ?? schema["allOf"]);
  if (choice !== undefined) return exampleOf(choice, root, depth + 1);
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  switch (type) {
    case "string":
      return textOf(schema);
    case "integer":
    case "number":
      return typeof schema["minimum"] === "number" ? schema["minimum"] : 1;
    case "boolean":
      return true;
    case "null":
      return null;
    case "array":
      return [exampleOf(schema["items"] ?? { type: "string" }, root, depth + 1)];
    default:
      return objectOf(schema, root, depth);
  }
}

function objectOf(schema: JsonObject, root: unknown, depth: number): Json {
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const required = listOf(schema["required"]).filter((name) => typeof name === "string");
  return Object.fromEntries(required.map((name) => [name, exampleOf(properties[name] ?? {}, root, depth + 1)]));
}

function toldValue(schema: JsonObject): Json | undefined {
  const values = [schema["const"], ...listOf(schema["enum"]), schema["default"], ...listOf(schema["examples"])];
  // A cast: the schema came as JSON.
  return values.find((value) => value !== undefined) as Json | undefined;
}

function textOf(schema: JsonObject): string {
  const least = typeof schema["minLength"] === "number" ? schema["minLength"] : 0;
  return "example".padEnd(least, "e");
}

function resolve(reference: string, root: unknown): unknown {
  let found: unknown = root;
  for (const name of reference.replace(/^#\/?/, "").split("/")) {
    found = isJsonObject(found) ? found[name.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return found;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
