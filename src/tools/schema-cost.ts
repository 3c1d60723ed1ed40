// Whether a schema of a stranger can be checked in bounded time: references to references double with each step, and
// thirty of them are a billion.

import { isJsonObject, type JsonObject } from "../contract/json.ts";

/** Parts of a schema that look at the same value, references followed. Real ones have some dozen. */
const mostParts = 2000;
const mostObjects = 5000;

const known = new WeakMap<JsonObject, boolean>();

export function isAffordable(schema: JsonObject): boolean {
  let affordable = known.get(schema);
  if (affordable === undefined) {
    affordable = everyPart(schema, (part) => countParts(part, schema, mostParts) > 0);
    known.set(schema, affordable);
  }
  return affordable;
}

/** Each object within the schema, whatever it stands for. */
function everyPart(schema: JsonObject, holds: (part: JsonObject) => boolean): boolean {
  const waiting: unknown[] = [schema];
  let objects = 0;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (isJsonObject(part)) {
      objects += 1;
      if (objects > mostObjects || !holds(part)) return false;
    }
    if (typeof part !== "object" || part === null) continue;
    for (const inner of Object.values(part)) if (typeof inner === "object" && inner !== null) waiting.push(inner);
  }
  return true;
}

/** @returns what is left of `budget`; 0 or less: it was not enough */
function countParts(part: unknown, root: JsonObject, budget: number): number {
  let left = budget - 1;
  if (!isJsonObject(part)) return left;
  const alternatives = ["allOf", "anyOf", "oneOf"].flatMap((key) => (Array.isArray(part[key]) ? part[key] : []));
  const conditions = ["not", "if", "then", "else"].map((key) => part[key]);
  // By name or from elsewhere: where they lead is not to be told by looking.
  if (part["$dynamicRef"] !== undefined || part["$recursiveRef"] !== undefined) return 0;
  const reference = part["$ref"];
  if (typeof reference === "string" && !/^#(?:\/|$)/.test(reference)) return 0;
  const referred = typeof reference === "string" ? [follow(root, reference)] : [];
  for (const inner of [...alternatives, ...conditions, ...referred]) {
    if (left <= 0) return 0;
    if (inner !== undefined) left = countParts(inner, root, left);
  }
  return left;
}

function follow(root: JsonObject, reference: string): unknown {
  let place: unknown = root;
  for (const step of reference.split("/").slice(1)) {
    const key = decodeURIComponentSafely(step).replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(place)) place = place[Number(key)];
    else if (isJsonObject(place)) place = place[key];
    else return undefined;
  }
  return place;
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
