// JSON of tool servers made safe like their text: its texts cleaned, its depth and its size bounded.

import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { cleanText } from "./clean-text.ts";

/** Deeper than any schema or result that is meant; recursion must end before the stack does. */
const maxDepth = 64;

/** Undefined: too long as text, too deep, or nothing that JSON has. */
export function cleanJson(value: unknown, maxChars: number): Json | undefined {
  const budget = { chars: maxChars };
  const cleaned = clean(value, budget, 0);
  return budget.chars < 0 ? undefined : cleaned;
}

export function cleanJsonObject(value: JsonObject, maxChars: number): JsonObject | undefined {
  const cleaned = cleanJson(value, maxChars);
  return isJsonObject(cleaned) ? cleaned : undefined;
}

function clean(value: unknown, budget: { chars: number }, depth: number): Json | undefined {
  // Brackets, quotes and commas.
  budget.chars -= 2;
  if (depth > maxDepth) budget.chars = -1;
  if (budget.chars < 0) return undefined;
  if (typeof value === "string") {
    budget.chars -= value.length;
    return budget.chars < 0 ? undefined : cleanText(value, value.length).text;
  }
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const item of value) {
      const cleaned = clean(item, budget, depth + 1);
      if (cleaned === undefined) return undefined;
      items.push(cleaned);
    }
    return items;
  }
  if (!isJsonObject(value)) return undefined;
  const entries: [string, Json][] = [];
  for (const [key, item] of Object.entries(value)) {
    budget.chars -= key.length;
    const cleaned = clean(item, budget, depth + 1);
    if (cleaned === undefined) return undefined;
    entries.push([cleanText(key, key.length).text, cleaned]);
  }
  // By entries, so that a key "__proto__" is a key like any other.
  return Object.fromEntries(entries);
}
