// The JSON in what a model wrote: behind an introduction, within a fence, before a farewell. Pure.

import { repairJson } from "../tools/repair-json.ts";
import type { JsonRoot } from "./answer-schema.ts";

export interface FoundJson {
  /** As it stands in the text, unless it had to be repaired. */
  readonly json: string;
  readonly value: unknown;
}

/** Brackets at which a value is looked for: prose may hold some, and each costs a look at the rest. */
const maxStarts = 32;
/** Longer values are not repaired. Characters. */
const maxRepairedChars = 1_048_576;

/**
 * @param fits whether a value is the one that is looked for
 * @returns the first value that fits, else the longest one; undefined when the text holds none
 */
export function findJson(text: string, root: JsonRoot, fits: (value: unknown) => boolean): FoundJson | undefined {
  const trimmed = withoutFence(text.trim());
  const whole = parse(trimmed);
  if (whole !== undefined && hasRoot(whole.value, root)) return whole;
  let longest: FoundJson | undefined;
  for (const found of valuesIn(trimmed)) {
    if (!hasRoot(found.value, root)) continue;
    if (fits(found.value)) return found;
    if (longest === undefined || found.json.length > longest.json.length) longest = found;
  }
  return longest ?? repaired(trimmed, root);
}

/** What there is of a value that was cut off, without the words before it; "" where none has begun. */
export function beginningOfJson(text: string, root: JsonRoot): string {
  const start = text.search(root === "array" ? /\[/ : root === "object" ? /\{/ : /[{[]/);
  return start < 0 ? "" : text.slice(start).trimEnd();
}

/** Index behind the value whose bracket stands at `start`; undefined when it goes on beyond the text. */
function endOfValue(text: string, start: number): number | undefined {
  let depth = 0;
  let isInText = false;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isInText) {
      if (code === 92) at++;
      else if (code === 34) isInText = false;
    } else if (code === 34) isInText = true;
    else if (code === 123 || code === 91) depth++;
    else if ((code === 125 || code === 93) && --depth === 0) return at + 1;
  }
  return undefined;
}

function* valuesIn(text: string): Generator<FoundJson> {
  const bracket = /[{[]/g;
  for (let count = 0; count < maxStarts; count++) {
    const start = bracket.exec(text)?.index;
    if (start === undefined) return;
    const end = endOfValue(text, start);
    const found = end === undefined ? undefined : parse(text.slice(start, end));
    if (found === undefined || end === undefined) continue;
    yield found;
    bracket.lastIndex = end;
  }
}

/** From the first bracket to the last: commas, quotes and brackets that are wrong or missing. */
function repaired(text: string, root: JsonRoot): FoundJson | undefined {
  const value = beginningOfJson(text, root);
  if (value === "" || value.length > maxRepairedChars) return undefined;
  const end = Math.max(value.lastIndexOf("}"), value.lastIndexOf("]")) + 1;
  const json = end === 0 ? undefined : repairJson(value.slice(0, end));
  const found = json === undefined ? undefined : parse(json);
  return found !== undefined && hasRoot(found.value, root) ? found : undefined;
}

/** A fence around the whole; one within the text is passed over with the words around it. */
function withoutFence(text: string): string {
  const [, inner] = /^```[\w-]*[ \t]*\r?\n([\s\S]*?)\r?\n?```$/.exec(text) ?? [];
  return inner?.trim() ?? text;
}

function hasRoot(value: unknown, root: JsonRoot): boolean {
  if (root === "any") return true;
  if (root === "array") return Array.isArray(value);
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(json: string): FoundJson | undefined {
  try {
    return { json, value: JSON.parse(json) as unknown };
  } catch {
    // The question itself.
    return undefined;
  }
}
