// The list of what is said in a request, behind as much of it as is known: its new items are parsed, and its long texts stay
// bytes.

import { isUtf8 } from "node:buffer";
import { parseExact } from "../contract/exact-json.ts";
import { isJsonObject } from "../contract/json.ts";
import { isWorthKeeping, keepBytes, keepHistory, type KnownHistory } from "./known-histories.ts";
import { LongText } from "./long-text.ts";
import { marked, type Piece } from "./marked-json.ts";

/** What is said: messages, or the items of a response. */
export const listNames = ["messages", "input"];
/** Where long texts stand in them. */
export const contentNames = ["content", "output"];

export interface FoundList {
  readonly known: KnownHistory | undefined;
  /** Where its items end that are objects or lists. */
  readonly ends: readonly number[];
  /** Where each long text begins and ends, between its quotes. */
  readonly texts: readonly number[];
  readonly mark: string;
  /** Undefined: nothing is kept. */
  readonly scope: string | undefined;
}

/**
 * @param json from its bracket, or from the end of what is known, until the closing bracket
 * @returns undefined when it is not UTF-8
 * @throws {SyntaxError} when it is no valid JSON
 */
export function parseList(json: Uint8Array, list: FoundList): readonly unknown[] | undefined {
  const { known, ends, texts, mark, scope } = list;
  // What is cut out is decoded by nobody.
  if (texts.length > 0 && !isUtf8(json)) return undefined;
  const end = ends.at(-1) ?? 0;
  const isKept = scope !== undefined && isWorthKeeping((known?.count ?? 0) + ends.length, (known?.length ?? 0) + end);
  // Its texts must not hold a body of which they are little.
  const kept = isKept ? keepBytes(known, json.subarray(0, end)) : undefined;
  const bytes = kept?.bytes ?? json;
  const pieces: Piece[] = [];
  for (let at = 0; at < texts.length; at += 2) {
    const [from = 0, to = 0] = texts.slice(at, at + 2);
    pieces.push({ start: from, end: to, value: new LongText(bytes.subarray(from, to)) });
  }
  // The item in place of those that are known ends by itself: whatever follows is as valid behind them.
  const opening = known === undefined ? "" : "[{}";
  // A list by its bracket.
  const parsed = parseExact(marked(json, pieces, mark, opening)) as unknown[];
  const values = known === undefined ? parsed : parsed.slice(1);
  if (pieces.length > 0) for (const value of values) replaceMarks(value, pieces, mark);
  // Items that are neither objects nor lists have no end of their own.
  if (isKept && kept !== undefined && ends.length === values.length) {
    return keepHistory(scope, known, { kept, ends, values });
  }
  return known === undefined ? values : [...known.list.slice(0, known.count), ...values];
}

/** The value is fresh out of `JSON.parse` and nobody else's yet. */
function replaceMarks(item: unknown, pieces: readonly Piece[], mark: string): void {
  for (const field of contentNames) {
    const content = isJsonObject(item) ? item[field] : undefined;
    if (Array.isArray(content)) for (const part of content) replaceMark(part, "text", pieces, mark);
    else replaceMark(item, field, pieces, mark);
  }
}

function replaceMark(object: unknown, field: string, pieces: readonly Piece[], mark: string): void {
  if (!isJsonObject(object)) return;
  const text = object[field];
  if (typeof text !== "string" || !text.startsWith(mark)) return;
  const fields: Record<string, unknown> = object;
  fields[field] = pieces[Number(text.slice(mark.length))]?.value;
}
