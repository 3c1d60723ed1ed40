// One text for all spellings of a JSON value: no white space, keys in order.

import { isJsonObject } from "../contract/json.ts";

/** Deeper values are not told apart: bodies come from strangers, and the stack is finite. */
const maxDepth = 200;

export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > maxDepth) return "null";
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? "null";
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key], depth + 1)}`);
  return `{${fields.join(",")}}`;
}
