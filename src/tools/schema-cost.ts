// Whether a value can be checked by a schema of a stranger in bounded time: references to references double with each step, and
// thirty of them are a billion; so does a schema that is in itself twice, with each level of a value.

import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { onceFor } from "../contract/once-for.ts";
import { followSteps, stepsOf } from "./schema-reference.ts";

/** Parts of a schema that look at the same value, references followed. Real ones have some dozen. */
const mostParts = 2000;
const mostObjects = 5000;
/** How often a part may look at a value: so often for each value, and so often beside that. Some 70 ms. */
const looksForEach = 50;
const looksBeside = 20_000;
/** So many fields, values to choose from or trials of a pattern that a part has take as long as a look: 20 to 250 ns each. */
const entriesForLook = 20;
/** So many letters of a reference take as long as an entry. */
const charsForEntry = 50;

const known = new WeakMap<JsonObject, boolean>();

/** What a check does, at most. */
export interface CheckCost {
  /** How often a pattern, or a format, is tried on a text. */
  readonly trials: number;
}

/** @returns undefined when it is too much */
export function costOfCheck(schema: JsonObject, value: unknown): CheckCost | undefined {
  let isPlain = known.get(schema);
  if (isPlain === undefined) {
    isPlain = isPlainSchema(schema);
    known.set(schema, isPlain);
  }
  return isPlain ? goThrough(schema, value) : undefined;
}

/** It is known where all references lead, and no value is looked at by too many parts. */
function isPlainSchema(schema: JsonObject): boolean {
  const inside = new Set<string>();
  const objects: JsonObject[] = [];
  const waiting: unknown[] = [schema];
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (typeof part !== "object" || part === null) continue;
    if (isJsonObject(part)) {
      objects.push(part);
      if (objects.length > mostObjects) return false;
      if (part !== schema) for (const key of Object.keys(part)) inside.add(key);
    }
    for (const inner of Object.values(part)) if (typeof inner === "object" && inner !== null) waiting.push(inner);
  }
  const refers = objects.some(({ $ref }) => typeof $ref === "string");
  if (refers && !objects.every((part) => isNamedPlainly(part, schema))) return false;
  const counting: Counting = { root: schema, inside, counted: new Map() };
  return objects.every((part) => countParts(part, counting) < mostParts);
}

/** A part with an address of its own has references of its own; a name that looks like a way is taken for one. */
function isNamedPlainly(part: JsonObject, root: JsonObject): boolean {
  const { $id, $anchor, $dynamicAnchor } = part;
  if (typeof $id === "string" && (part !== root || $id.startsWith("#"))) return false;
  return ![$anchor, $dynamicAnchor].some((name) => typeof name === "string" && name.includes("/"));
}

interface Counting {
  readonly root: JsonObject;
  /** All names below the root. */
  readonly inside: ReadonlySet<string>;
  /** What was counted already: each part is so once, however many refer to it. */
  readonly counted: Map<JsonObject, number>;
}

/** @returns infinity for a part of itself, and where nobody can tell */
function countParts(part: unknown, counting: Counting, depth = 0): number {
  if (!isJsonObject(part)) return 1;
  const { root, inside, counted } = counting;
  const before = counted.get(part);
  if (before !== undefined) return before;
  // Found again before it is counted, it is a part of itself.
  counted.set(part, Number.POSITIVE_INFINITY);
  if (depth > mostParts || !isReferencePlain(part, root, inside)) return Number.POSITIVE_INFINITY;
  let count = 1;
  for (const inner of partsOf(part, root)) {
    count += countParts(inner, counting, depth + 1);
    if (count > mostParts) return Number.POSITIVE_INFINITY;
  }
  counted.set(part, count);
  return count;
}

/** One that leads nowhere from the root is looked for from everywhere else: it must not begin with a name that is there. */
function isReferencePlain(part: JsonObject, root: JsonObject, inside: ReadonlySet<string>): boolean {
  const { $ref, $dynamicRef, $recursiveRef } = part;
  if ($dynamicRef !== undefined || $recursiveRef !== undefined) return false;
  if (typeof $ref !== "string") return true;
  const steps = stepsOf($ref);
  return steps !== undefined && (followSteps(root, steps) !== undefined || !inside.has(steps[0] ?? ""));
}

const lists = ["allOf", "anyOf", "oneOf"];
const single = ["not", "if", "then", "else"];
const byName = ["dependentSchemas", "dependencies"];

/** Those that look at the same value. */
function partsOf(schema: JsonObject, root: JsonObject): readonly unknown[] {
  const parts: unknown[] = lists.flatMap((key) => (Array.isArray(schema[key]) ? schema[key] : []));
  for (const key of single) if (schema[key] !== undefined) parts.push(schema[key]);
  for (const key of byName) {
    if (isJsonObject(schema[key])) for (const part of Object.values(schema[key])) parts.push(part);
  }
  const steps = typeof schema["$ref"] === "string" ? stepsOf(schema["$ref"]) : undefined;
  if (steps !== undefined) parts.push(followSteps(root, steps));
  return parts;
}

interface Look {
  readonly part: unknown;
  readonly value: unknown;
}

/** Goes the ways of the check, all of them, and gives up where they are too many. */
function goThrough(schema: JsonObject, value: unknown): CheckCost | undefined {
  const most = looksBeside + looksForEach * countValues(value);
  const waiting: Look[] = [{ part: schema, value }];
  let looks = 0;
  let trials = 0;
  for (let look = waiting.pop(); look !== undefined; look = waiting.pop()) {
    looks += 1;
    const { part, value: looked } = look;
    if (!isJsonObject(part)) continue;
    const more = trialsOf(part, looked);
    trials += more;
    looks += Math.floor((entriesOf(part) + more) / entriesForLook);
    if (looks > most) return undefined;
    for (const inner of partsOf(part, schema)) waiting.push({ part: inner, value: looked });
    for (const inner of looksInside(part, looked)) {
      waiting.push(inner);
      if (looks + waiting.length > most) return undefined;
    }
    if (looks + waiting.length > most) return undefined;
  }
  return { trials };
}

/** What a part holds is gone through at each look, whatever the value has of it. */
const entriesOf = onceFor((part: JsonObject): number => {
  let count = typeof part["$ref"] === "string" ? part["$ref"].length / charsForEntry : 0;
  for (const held of [part, part["dependentRequired"], part["dependencies"]]) {
    if (isJsonObject(held)) for (const inner of Object.values(held)) count += sizeOf(inner);
  }
  return count;
});

function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return isJsonObject(value) ? Object.keys(value).length : 0;
}

/** At what a list or an object holds. What no part looks at is gone past all the same. */
function* looksInside(part: JsonObject, value: unknown): Iterable<Look> {
  if (Array.isArray(value) && itemKeys.some((key) => key in part)) {
    for (const [index, item] of value.entries()) {
      yield { part: undefined, value: item };
      for (const inner of itemPartsOf(part, index)) yield { part: inner, value: item };
    }
  } else if (isJsonObject(value) && fieldKeys.some((key) => key in part)) {
    for (const [name, field] of Object.entries(value)) {
      yield { part: part["propertyNames"], value: name };
      for (const inner of fieldPartsOf(part, name)) yield { part: inner, value: field };
    }
  }
}

/** Names are matched once more for each keyword that asks which fields are left. */
const mostMatches = 3;

function trialsOf({ pattern, format, patternProperties }: JsonObject, value: unknown): number {
  if (typeof value === "string") return [pattern, format].filter((one) => typeof one === "string").length;
  if (!isJsonObject(patternProperties) || !isJsonObject(value)) return 0;
  return mostMatches * Object.keys(patternProperties).length * Object.keys(value).length;
}

function countValues(value: unknown): number {
  const waiting: unknown[] = [value];
  let count = 0;
  for (; waiting.length > 0; count++) {
    const one = waiting.pop();
    if (typeof one === "object" && one !== null) for (const inner of Object.values(one)) waiting.push(inner);
  }
  return count;
}

const itemKeys = ["items", "prefixItems", "additionalItems", "unevaluatedItems", "contains"];

/** Those that may look at an item. */
function itemPartsOf(part: JsonObject, index: number): readonly unknown[] {
  return itemKeys
    .map((key) => part[key])
    .map((inner) => (Array.isArray(inner) ? inner[index] : inner))
    .filter(isJsonObject);
}

const otherFieldKeys = ["additionalProperties", "unevaluatedProperties"];
const fieldKeys = [...otherFieldKeys, "properties", "patternProperties", "propertyNames"];

/** Those that may look at a field. */
function fieldPartsOf(part: JsonObject, name: string): readonly unknown[] {
  const { properties, patternProperties } = part;
  const own = isJsonObject(properties) && Object.hasOwn(properties, name) ? [properties[name]] : [];
  const patterned = isJsonObject(patternProperties) ? Object.values(patternProperties) : [];
  return [...own, ...patterned, ...otherFieldKeys.map((key) => part[key])].filter(isJsonObject);
}
