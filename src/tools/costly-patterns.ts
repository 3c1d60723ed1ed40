// Regular expressions in schemas of strangers: those that could take for ever on a value are taken out. Pure.

import { isJsonObject, type JsonObject } from "../contract/json.ts";

/** Steps that a pattern may take at worst, about: some tenths of a second. */
const maxSteps = 1e8;

/** How a pattern's time grows: with the length of the text to the power of `degree`, twice as long with each of `choices`. */
interface Growth {
  degree: number;
  choices: number;
}

/** Longest text within the value, keys included. */
function longestText(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  let longest = 0;
  for (const [key, held] of Object.entries(value)) longest = Math.max(longest, key.length, longestText(held));
  return longest;
}

/** @returns the schema without the patterns that could take too long on this value; the same where all may be tried */
export function withoutCostlyPatterns(schema: JsonObject, value: unknown): JsonObject {
  const written = JSON.stringify(schema);
  if (!written.includes('"pattern')) return schema;
  const chars = longestText(value);
  // A cast: it came out of an object, and is one again.
  return JSON.parse(written, function (this: unknown, key, held: unknown) {
    if (key === "pattern" && typeof held === "string") return isCostly(held, chars) ? undefined : held;
    if (key !== "" && isJsonObject(held)) return withoutCostlyNames(held, chars);
    return key === "" && isJsonObject(held) ? withoutCostlyNames(held, chars) : held;
  }) as JsonObject;
}

/** Without the rule for other names as well: they would be taken for names that nothing allows. */
function withoutCostlyNames(schema: JsonObject, chars: number): JsonObject {
  const patterns = schema["patternProperties"];
  if (!isJsonObject(patterns) || !Object.keys(patterns).some((pattern) => isCostly(pattern, chars))) return schema;
  const { patternProperties: _, additionalProperties: _others, ...rest } = schema;
  return rest;
}

/** Whether it may take too long on a text of so many characters. What cannot be told is costly. */
export function isCostly(pattern: string, chars: number): boolean {
  const { degree, choices } = growthOf(pattern);
  const starts = pattern.startsWith("^") && !pattern.includes("|") ? 0 : 1;
  return Math.max(chars, 2) ** (degree + starts) * 2 ** choices > maxSteps;
}

/** A character class, an escape, the head of a group, a quantifier, or any other sign. */
const piece =
  /\[\^?(?:\\.|[^\\\]])*\]|\\[pP]\{[^}]*\}|\\u\{[^}]*\}|\\k<[^>]*>|\\.|\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?|\{\d+(?:,\d*)?\}\??|[*+?]\??|[\s\S]/gu;

function growthOf(pattern: string): Growth {
  const outer: Growth[] = [];
  let group: Growth = { degree: 0, choices: 0 };
  let last: Growth = { degree: 0, choices: 0 };
  for (const [text] of pattern.matchAll(piece)) {
    if (text.startsWith("(")) {
      add(group, last);
      outer.push(group);
      group = { degree: 0, choices: 0 };
      last = { degree: 0, choices: 0 };
    } else if (text === ")") {
      add(group, last);
      last = group;
      group = outer.pop() ?? { degree: 0, choices: 0 };
    } else if (/^[*+?{]/.test(text)) {
      last = repeated(last, text);
    } else {
      add(group, last);
      // What refers back makes any search of it a guess.
      last = { degree: /^\\[1-9k]/.test(text) ? Number.POSITIVE_INFINITY : 0, choices: text === "|" ? 1 : 0 };
    }
  }
  add(group, last);
  return group;
}

function add(group: Growth, part: Growth): void {
  group.degree += part.degree;
  group.choices += part.choices;
}

function repeated(part: Growth, quantifier: string): Growth {
  if (quantifier.startsWith("?")) return { ...part, choices: part.choices + 1 };
  const [, least, most] = /^\{(\d+)(?:,(\d*))?\}/.exec(quantifier) ?? [];
  const isExact = least !== undefined && !quantifier.includes(",");
  const times = isExact ? Number(least) : most ? Number(most) : Number.POSITIVE_INFINITY;
  const isPlain = part.degree === 0 && part.choices === 0;
  if (isPlain) return { degree: isExact ? 0 : 1, choices: 0 };
  const degree = part.degree === 0 ? 0 : part.degree * times;
  const choices = part.choices === 0 ? 0 : part.choices * times;
  return { degree: degree + (isExact ? 0 : 1), choices };
}
