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
    const counted = new Map<JsonObject, number>();
    affordable = everyPart(schema, (part) => countParts(part, schema, counted) < mostParts);
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

/**
 * @param counted what was counted already: each part is so once, however many refer to it
 * @returns infinity for a part of itself, and where nobody can tell
 */
function countParts(part: unknown, root: JsonObject, counted: Map<JsonObject, number>, depth = 0): number {
  if (!isJsonObject(part)) return 1;
  const before = counted.get(part);
  if (before !== undefined) return before;
  // Found again before it is counted, it is a part of itself.
  counted.set(part, Number.POSITIVE_INFINITY);
  const parts = partsOf(part, root);
  if (parts === undefined || depth > mostParts) return Number.POSITIVE_INFINITY;
  let count = 1;
  for (const inner of parts) {
    count += countParts(inner, root, counted, depth + 1);
    if (count > mostParts) return Number.POSITIVE_INFINITY;
  }
  counted.set(part, count);
  return count;
}

/** Those that look at the same value; undefined for references by name or to elsewhere: nobody can tell where they lead. */
function partsOf(schema: JsonObject, root: JsonObject): readonly unknown[] | undefined {
  if (schema["$dynamicRef"] !== undefined || schema["$recursiveRef"] !== undefined) return undefined;
  const reference = schema["$ref"];
  if (typeof reference === "string" && !/^#(?:\/|$)/.test(reference)) return undefined;
  const alternatives = ["allOf", "anyOf", "oneOf"].flatMap((key) => (Array.isArray(schema[key]) ? schema[key] : []));
  const conditions = ["not", "if", "then", "else"].map((key) => schema[key]);
  const referred = typeof reference === "string" ? [follow(root, reference)] : [];
  return [...alternatives, ...conditions, ...referred].filter((inner) => inner !== undefined);
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
