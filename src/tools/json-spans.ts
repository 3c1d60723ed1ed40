// Where the values of a JSON text stand, so that one can be read or replaced and all other bytes stay as they are:
// numbers keep their digits, objects their order. Knows only valid JSON.

import { skipSpaceAt } from "./markup.ts";

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Entry extends Span {
  readonly key: string;
}

/** The entries of an object, in order; undefined when the text is no object. */
export function readEntries(json: string): readonly Entry[] | undefined {
  let at = skipSpaceAt(json, 0);
  if (json[at] !== "{") return undefined;
  const entries: Entry[] = [];
  at = skipSpaceAt(json, at + 1);
  while (at < json.length && json[at] !== "}") {
    const keyEnd = skipValue(json, at);
    // A JSON string by construction.
    const key = JSON.parse(json.slice(at, keyEnd)) as string;
    const start = skipSpaceAt(json, skipSpaceAt(json, keyEnd) + 1);
    const end = skipValue(json, start);
    entries.push({ key, start, end });
    at = skipComma(json, end);
  }
  return entries;
}

/** The items of an array, in order; undefined when the text is no array. */
export function readItems(json: string): readonly Span[] | undefined {
  let at = skipSpaceAt(json, 0);
  if (json[at] !== "[") return undefined;
  const items: Span[] = [];
  at = skipSpaceAt(json, at + 1);
  while (at < json.length && json[at] !== "]") {
    const end = skipValue(json, at);
    items.push({ start: at, end });
    at = skipComma(json, end);
  }
  return items;
}

/** Whether the text is JSON; the value is not needed. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // The question itself.
    return false;
  }
}

function skipComma(json: string, at: number): number {
  const next = skipSpaceAt(json, at);
  return json[next] === "," ? skipSpaceAt(json, next + 1) : next;
}

/** Index behind the value that begins at `at`. */
function skipValue(json: string, at: number): number {
  const first = json[at];
  if (first === '"') return skipString(json, at);
  if (first !== "{" && first !== "[") {
    while (at < json.length && !/[\s,\]}:]/.test(json[at] ?? "")) at++;
    return at;
  }
  let depth = 0;
  while (at < json.length) {
    const char = json[at];
    if (char === '"') {
      at = skipString(json, at);
      continue;
    }
    at++;
    if (char === "{" || char === "[") depth++;
    else if ((char === "}" || char === "]") && --depth === 0) break;
  }
  return at;
}

function skipString(json: string, at: number): number {
  for (at++; at < json.length; at++) {
    const char = json[at];
    if (char === "\\") at++;
    else if (char === '"') return at + 1;
  }
  return at;
}
