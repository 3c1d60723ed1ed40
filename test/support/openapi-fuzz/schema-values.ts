// Values that a JSON schema allows, and values that break one of its rules each. It knows the words that the gateway's
// document uses and refuses others, so that a new word is not passed over in silence.

import fc from "fast-check";
import { Check } from "typebox/schema";
import type { Schema } from "../openapi.ts";

/** One rule of a schema, and whole values that break it. */
export interface Violation {
  /** Place and rule, such as `options.max_tokens: maximum`. */
  readonly rule: string;
  readonly value: fc.Arbitrary<unknown>;
}

const knownWords = new Set(
  "type required properties items minItems maxItems anyOf minimum maximum minLength maxLength format enum patternProperties additionalProperties exclusiveMinimum pattern const description".split(
    " ",
  ),
);

/** Beyond it a text is not made longer for a limit: a test of `MAX_BODY_BYTES` is another one. */
const mostChars = 250_000;

const texts = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "\u0000",
    "\ud800",
    "👩‍👩‍👧‍👦",
    "\u202e\u2028",
    "../../etc/passwd",
    "<script>",
    "__proto__",
    "a\r\nb: c",
  ),
);
const anyValue = fc.oneof(
  texts,
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, [], {}, [[]], { a: { b: 1 } }),
  fc.dictionary(texts, texts, { maxKeys: 3 }).map(ownKeys),
);

/** One of each type, to be of a wrong one. */
const samples: readonly unknown[] = [null, true, 7, 1.5, -1, "7", "", [], ["7"], {}, { a: 1 }];

/**
 * @param example what its author would send: taken more often than made-up values, so that more than the first check is reached
 * @throws {Error} for a word of JSON schema that is unknown here
 */
export function valuesOf(schema: Schema, example?: unknown): fc.Arbitrary<unknown> {
  const made = madeBy(schema, example).filter((value) => Check(schema, value));
  return example === undefined || !Check(schema, example)
    ? made
    : fc.oneof({ arbitrary: fc.constant(example), weight: 2 }, { arbitrary: made, weight: 1 });
}

function madeBy(schema: Schema, example: unknown): fc.Arbitrary<unknown> {
  for (const word of Object.keys(schema)) if (!knownWords.has(word)) throw new Error(`Unknown in a schema: ${word}`);
  if ("const" in schema) return fc.constant(schema["const"]);
  if ("enum" in schema) return fc.constantFrom(...(schema["enum"] as readonly unknown[]));
  if ("anyOf" in schema) return fc.oneof(...branchesOf(schema).map((branch) => valuesOf(branch, example)));
  switch (schema["type"]) {
    case "string":
      return stringsOf(schema);
    case "integer":
    case "number":
      return numbersOf(schema);
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array": {
      const first = Array.isArray(example) ? (example as readonly unknown[])[0] : undefined;
      const minLength = numberAt(schema, "minItems") ?? 0;
      const maxLength = Math.min(numberAt(schema, "maxItems") ?? 3, minLength + 3);
      return fc.array(valuesOf(itemsOf(schema), first), { minLength, maxLength });
    }
    case "object":
      return objectsOf(schema, example);
    default:
      return anyValue;
  }
}

/** Of the formats that the document uses. */
const formats: Readonly<Record<string, fc.Arbitrary<string>>> = {
  binary: texts,
  "date-time": fc
    .date({ min: new Date("1970-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
    .map((date) => date.toISOString()),
};

function stringsOf(schema: Schema): fc.Arbitrary<string> {
  const format = schema["format"];
  if (typeof format === "string") {
    // Not waited for: a filter over values that never fit has no end.
    if (formats[format] === undefined) throw new Error(`Unknown in a schema: format ${format}`);
    return formats[format];
  }
  const pattern = schema["pattern"];
  if (typeof pattern === "string") return fc.stringMatching(new RegExp(pattern));
  const minLength = numberAt(schema, "minLength") ?? 0;
  const maxLength = numberAt(schema, "maxLength") ?? 40;
  return fc.oneof(
    fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 30) }),
    fc.string({ unit: "grapheme", minLength, maxLength: Math.min(maxLength, minLength + 10) }),
    texts.filter((text) => text.length >= minLength && text.length <= maxLength),
    ...(maxLength <= mostChars ? [fc.constant("x".repeat(maxLength))] : []),
  );
}

function numbersOf(schema: Schema): fc.Arbitrary<number> {
  const least = numberAt(schema, "minimum");
  const most = numberAt(schema, "maximum");
  const edges = [least, most].filter((edge) => edge !== undefined);
  const min = least ?? numberAt(schema, "exclusiveMinimum") ?? Number.MIN_SAFE_INTEGER;
  const max = most ?? Number.MAX_SAFE_INTEGER;
  const some =
    schema["type"] === "integer"
      ? fc.integer({ min, max })
      : fc.double({ min, max, noNaN: true, noDefaultInfinity: true });
  return edges.length === 0 ? some : fc.oneof(some, fc.constantFrom(...edges));
}

function objectsOf(schema: Schema, example: unknown): fc.Arbitrary<unknown> {
  const shown = isObject(example) ? example : {};
  const required = requiredOf(schema);
  const known = Object.entries(propertiesOf(schema));
  const fields = known.map(([name, held]) =>
    fc
      .tuple(valuesOf(held, shown[name]), fc.nat(3))
      // One in four of those that may be left out is there.
      .map(([value, chance]): [string, unknown][] => (required.includes(name) || chance === 0 ? [[name, value]] : [])),
  );
  const pattern = Object.values((schema["patternProperties"] ?? {}) as Readonly<Record<string, Schema>>)[0];
  const others =
    pattern === undefined
      ? fc.constant<[string, unknown][]>([])
      : fc.array(fc.tuple(texts, valuesOf(pattern)), { maxLength: 3 });
  return fc
    .tuple(others, ...fields)
    .map((entries) => ({ ...ownKeys(shown), ...ownKeys(Object.fromEntries(entries.flat())) }));
}

/**
 * Every rule of a schema with values that break it; a value breaks the whole schema, too.
 * @param example what stands in the other places
 */
export function violationsOf(schema: Schema, example?: unknown): readonly Violation[] {
  return broken(schema, example, "")
    .map(({ rule, value }) => ({ rule, value: breaking(schema, value) }))
    .filter((violation) => violation.value !== undefined) as readonly Violation[];
}

function broken(schema: Schema, example: unknown, place: string): readonly Violation[] {
  const at = (word: string): string => `${place === "" ? "body" : place}: ${word}`;
  const own: Violation[] = [];
  const say = (word: string, value: fc.Arbitrary<unknown>): void => void own.push({ rule: at(word), value });
  const wrongTypes = samples.filter((value) => !Check(schema, value));
  if (wrongTypes.length > 0) say("type", fc.constantFrom(...wrongTypes));
  if ("anyOf" in schema) {
    // What breaks one branch may still be allowed by another: `breaking` takes that out.
    const inner = branchesOf(schema).flatMap((branch) => broken(branch, example, place));
    return [...own, ...inner.filter(({ rule }) => rule !== at("type"))];
  }
  const minLength = numberAt(schema, "minLength");
  if (minLength !== undefined) say("minLength", fc.constant("x".repeat(minLength - 1)));
  const maxLength = numberAt(schema, "maxLength");
  if (maxLength !== undefined && maxLength < mostChars)
    say("maxLength", fc.constantFrom("x".repeat(maxLength + 1), "天".repeat(maxLength + 1)));
  const least = numberAt(schema, "minimum");
  if (least !== undefined) say("minimum", fc.constantFrom(least - 1, -1e308));
  const below = numberAt(schema, "exclusiveMinimum");
  if (below !== undefined) say("exclusiveMinimum", fc.constantFrom(below, below - 1));
  const most = numberAt(schema, "maximum");
  if (most !== undefined) say("maximum", fc.constantFrom(most + 1, 1e308));
  if (schema["format"] === "date-time" || "pattern" in schema || "enum" in schema || "const" in schema)
    say("value", texts);
  if (schema["type"] === "array") own.push(...brokenItems(schema, example, place));
  if (schema["type"] === "object") own.push(...brokenFields(schema, example, place));
  return own;
}

function brokenItems(schema: Schema, example: unknown, place: string): Violation[] {
  const items = itemsOf(schema);
  const first = Array.isArray(example) ? (example as readonly unknown[])[0] : undefined;
  const violations = broken(items, first, `${place}[]`).map(({ rule, value }) => ({
    rule,
    value: value.map((one): unknown => (first === undefined ? [one] : [first, one])),
  }));
  const least = numberAt(schema, "minItems");
  if (least !== undefined && least > 0) violations.push({ rule: `${place}: minItems`, value: fc.constant([]) });
  const most = numberAt(schema, "maxItems");
  if (most !== undefined) {
    const tooMany = fc.array(valuesOf(items, first), { minLength: most + 1, maxLength: most + 1 });
    violations.push({ rule: `${place}: maxItems`, value: tooMany });
  }
  return violations;
}

function brokenFields(schema: Schema, example: unknown, place: string): Violation[] {
  const shown = isObject(example) ? example : undefined;
  const base = shown === undefined ? valuesOf(schema) : fc.constant(shown);
  const within = (name: string): string => (place === "" ? name : `${place}.${name}`);
  const withField = (name: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.tuple(base, value).map(([whole, one]) => ({ ...(whole as object), [name]: one }));
  const violations = Object.entries(propertiesOf(schema)).flatMap(([name, held]) =>
    broken(held, shown?.[name], within(name)).map(({ rule, value }) => ({ rule, value: withField(name, value) })),
  );
  if (schema["additionalProperties"] === false)
    violations.push({ rule: `${within("*")}: additionalProperties`, value: withField("nobodyKnowsIt", texts) });
  for (const name of requiredOf(schema)) {
    const without = base.map((whole) =>
      Object.fromEntries(Object.entries(whole as object).filter(([one]) => one !== name)),
    );
    violations.push({ rule: `${within(name)}: required`, value: without });
  }
  for (const held of Object.values((schema["patternProperties"] ?? {}) as Readonly<Record<string, Schema>>)) {
    for (const { rule, value } of broken(held, undefined, within("*")))
      violations.push({ rule, value: withField("any", value) });
  }
  return violations;
}

/** Undefined where nothing of it does break the schema: a rule of one branch that another one allows. */
function breaking(schema: Schema, value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> | undefined {
  const breaks = (one: unknown): boolean => !Check(schema, one);
  return fc.sample(value, { numRuns: 30, seed: 1 }).some(breaks) ? value.filter(breaks) : undefined;
}

function branchesOf(schema: Schema): readonly Schema[] {
  return schema["anyOf"] as readonly Schema[];
}

function itemsOf(schema: Schema): Schema {
  return (schema["items"] ?? {}) as Schema;
}

export function propertiesOf(schema: Schema): Readonly<Record<string, Schema>> {
  return (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>;
}

export function requiredOf(schema: Schema): readonly string[] {
  return (schema["required"] ?? []) as readonly string[];
}

function numberAt(schema: Schema, word: string): number | undefined {
  return schema[word] as number | undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** With `__proto__` as a key like others. */
function ownKeys(value: object): object {
  return JSON.parse(JSON.stringify(value)) as object;
}
