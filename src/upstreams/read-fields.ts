// Single fields of what a server says, which may be anything.

import { isJsonObject, type JsonObject } from "../contract/json.ts";

/** Undefined: it is no text, or an empty one. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Undefined: there is no object in that field. */
export function objectIn(value: JsonObject | undefined, key: string): JsonObject | undefined {
  const inner = value?.[key];
  return isJsonObject(inner) ? inner : undefined;
}
