// Which patterns of a stranger's schema can be tried on given texts in bounded time: a backtracking engine may take for
// ever over forty letters. The others are left out of the check; the server knows its arguments best anyway.

import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import type { CheckCost } from "./schema-cost.ts";

/** Steps of all patterns on all texts, some 50 ms. */
const mostSteps = 5_000_000;
/** Formats are patterns of the library's own: the slowest are quadratic. */
const maxFormatChars = 4000;
/** Values, not schemas. */
const valueKeys: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"]);

/**
 * @param cost of checking the input
 * @returns the same schema where nothing has to be left out
 */
export function withoutCostlyPatterns(schema: JsonObject, input: unknown, { trials }: CheckCost): JsonObject {
  const patterns = countPatterns(schema);
  if (patterns === 0) return schema;
  const { count, longest } = measureTexts(input);
  // Each on each text, or more often where several parts have the same one.
  const most = mostSteps / Math.max(trials, patterns * Math.max(1, count));
  const isCheap = (pattern: string): boolean => estimateSteps(pattern, longest) <= most;
  return strip(schema, isCheap, longest <= maxFormatChars) as JsonObject;
}

function countPatterns(part: unknown): number {
  if (typeof part !== "object" || part === null) return 0;
  let count = 0;
  for (const [key, inner] of Object.entries(part)) {
    if ((key === "pattern" || key === "format") && typeof inner === "string") count += 1;
    else if (key === "patternProperties" && isJsonObject(inner)) count += Object.keys(inner).length;
    if (!valueKeys.has(key)) count += countPatterns(inner);
  }
  return count;
}

/** Names of fields are texts, too. */
function measureTexts(value: unknown): { count: number; longest: number } {
  let [count, longest] = [0, 0];
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const one = waiting.pop();
    if (typeof one === "string") [count, longest] = [count + 1, Math.max(longest, one.length)];
    else if (Array.isArray(one)) for (const inner of one) waiting.push(inner);
    else if (isJsonObject(one)) for (const [name, inner] of Object.entries(one)) waiting.push(name, inner);
  }
  return { count, longest };
}

function strip(part: unknown, isCheap: (pattern: string) => boolean, withFormats: boolean): unknown {
  if (Array.isArray(part)) return part.map((inner) => strip(inner, isCheap, withFormats));
  if (!isJsonObject(part)) return part;
  const names = isJsonObject(part["patternProperties"]) ? Object.keys(part["patternProperties"]) : [];
  // Without them nobody knows which fields are additional.
  const isOpen = !names.every(isCheap);
  const kept = Object.entries(part).filter(([key, inner]) => {
    if (key === "pattern" && typeof inner === "string") return isCheap(inner);
    if (key === "format" && typeof inner === "string") return withFormats;
    return !isOpen || !["patternProperties", "additionalProperties", "unevaluatedProperties"].includes(key);
  });
  return Object.fromEntries(
    kept.map(([key, inner]) => [key, valueKeys.has(key) ? inner : strip(inner, isCheap, withFormats)]),
  ) as Json;
}

/** At most so many: in how many ways the pattern can be laid over a text, from each place where it may begin. */
function estimateSteps(pattern: string, textLength: number): number {
  const ways = new WaysReader(pattern, textLength).read();
  return ways * (pattern.startsWith("^") && !pattern.includes("|") ? 1 : textLength + 1);
}

class WaysReader {
  readonly #pattern: string;
  readonly #textLength: number;
  #at = 0;

  constructor(pattern: string, textLength: number) {
    this.#pattern = pattern;
    this.#textLength = textLength;
  }

  /** Up to the end, or the bracket that closes the group. */
  read(): number {
    let [all, branch] = [0, 1];
    while (this.#at < this.#pattern.length && this.#pattern[this.#at] !== ")") {
      if (this.#pattern[this.#at] !== "|") branch *= this.#readRepeated();
      else {
        this.#at += 1;
        [all, branch] = [all + branch, 1];
      }
    }
    return all + branch;
  }

  #readRepeated(): number {
    const ways = this.#readAtom();
    const [least, most] = this.#readQuantifier();
    // What may be there or not is a way more; what repeats has one for each number of times.
    if (least === most) return ways ** least;
    if (ways === 1) return most - least + 1;
    return ways ** most * (most === 1 ? 2 : 1);
  }

  #readAtom(): number {
    const sign = this.#pattern[this.#at++];
    if (sign === "\\") this.#at += 1;
    if (sign === "[") this.#skipClass();
    if (sign !== "(") return 1;
    this.#at += /^\?(?:[:=!]|<[=!]|<[^>]*>)/.exec(this.#pattern.slice(this.#at, this.#at + 100))?.[0].length ?? 0;
    const ways = this.read();
    this.#at += 1;
    return ways;
  }

  #skipClass(): void {
    while (this.#at < this.#pattern.length && this.#pattern[this.#at] !== "]") {
      this.#at += this.#pattern[this.#at] === "\\" ? 2 : 1;
    }
    this.#at += 1;
  }

  #readQuantifier(): readonly [least: number, most: number] {
    const found = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.#pattern.slice(this.#at, this.#at + 40));
    if (found === null) return [1, 1];
    const [text, least = "0", comma, most = ""] = found;
    this.#at += text.length;
    if (text.startsWith("?")) return [0, 1];
    if (!text.startsWith("{")) return [0, this.#textLength];
    if (comma === "") return [this.#bounded(least), this.#bounded(least)];
    return [this.#bounded(least), Math.max(this.#bounded(least), this.#bounded(most || this.#textLength))];
  }

  #bounded(times: string | number): number {
    return Math.min(Number(times), this.#textLength);
  }
}
