// JSON as Python's `json.dumps(value, ensure_ascii=False)` writes it, which is what the backend's stream is made of.

import type { Json } from "../contract/json.ts";

/** Separators are ", " and ": "; text stays raw UTF-8; keys keep their order. */
export function pythonJson(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(pythonJson).join(", ")}]`;
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${pythonJson(member)}`);
  return `{${members.join(", ")}}`;
}

/** `Array.isArray` does not narrow a readonly array. */
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
