// Where in a text the markup of a call may begin, and where a block of code begins that must not be searched.

import { callFences, functionOpening, openings, runLength, skipSpaceAt, wordAt } from "./markup.ts";

/** Where calls may begin. `end` is behind the opening itself. */
export type CallOpening =
  | { readonly kind: "tag"; readonly start: number; readonly end: number; readonly isMidLine: boolean }
  | { readonly kind: "function"; readonly start: number; readonly end: number }
  /** A block of code that may hold calls: its first line has been read. */
  | {
      readonly kind: "fence";
      readonly start: number;
      readonly end: number;
      readonly mark: string;
      readonly length: number;
    }
  /** A reply that begins with a bracket. */
  | { readonly kind: "bare"; readonly start: number; readonly end: number };

export type Opening =
  | CallOpening
  | { readonly kind: "none" }
  /** From `start` on, more text is needed to tell. */
  | { readonly kind: "partial"; readonly start: number }
  | { readonly kind: "code"; readonly end: number; readonly mark: string; readonly length: number };

export interface Place {
  /** Something stands on the line already. */
  readonly lineHasText: boolean;
  /** Nothing has been said yet in this channel. */
  readonly isStart: boolean;
  readonly channel: "text" | "reasoning";
}

const mayOpen = /[<`~]/g;
const maxFenceWordLength = 16;

export function findOpening(text: string, from: number, place: Place): Opening {
  if (place.isStart && place.channel === "text") {
    const first = skipSpaceAt(text, from);
    if (text[first] === "{" || text[first] === "[") return { kind: "bare", start: first, end: first };
  }
  let at = from;
  for (;;) {
    mayOpen.lastIndex = at;
    const start = mayOpen.exec(text)?.index;
    if (start === undefined) return { kind: "none" };
    const isMidLine = hasTextBefore(text, from, start, place.lineHasText);
    const opening = text[start] === "<" ? openTag(text, start, isMidLine) : openFence(text, start, isMidLine, place);
    if (typeof opening !== "number") return opening;
    at = opening;
  }
}

/** Whether anything stands between the beginning of the line and `at`. */
function hasTextBefore(text: string, from: number, at: number, lineHasText: boolean): boolean {
  const lineEnd = text.lastIndexOf("\n", at - 1);
  if (at > from && lineEnd >= from) return text.slice(lineEnd + 1, at).trim() !== "";
  return lineHasText || text.slice(from, at).trim() !== "";
}

/** @returns an index where to go on, when it is nothing */
function openTag(text: string, start: number, isMidLine: boolean): Opening | number {
  const word = wordAt(text, start, openings);
  if (word === "partial") return { kind: "partial", start };
  if (word !== undefined) return { kind: "tag", start, end: start + word.length, isMidLine };
  // Without a tag around it only a line of its own tells a call from a word about calls.
  if (isMidLine) return start + 1;
  const opening = wordAt(text, start, [functionOpening]);
  if (opening === "partial") return { kind: "partial", start };
  return opening === undefined ? start + 1 : { kind: "function", start, end: start + functionOpening.length };
}

function openFence(text: string, start: number, isMidLine: boolean, place: Place): Opening | number {
  const length = runLength(text, start);
  const behind = start + length;
  if (isMidLine) return behind;
  if (behind === text.length) return { kind: "partial", start };
  if (length < 3) return behind;
  const mark = text[start] ?? "";
  const code: Opening = { kind: "code", end: behind, mark, length };
  if (place.channel === "reasoning" || mark === "~") return code;
  const lineEnd = text.indexOf("\n", behind);
  const word = text
    .slice(behind, lineEnd < 0 ? text.length : lineEnd)
    .trim()
    .toLowerCase();
  if (lineEnd >= 0) {
    return callFences.has(word) ? { kind: "fence", start, end: lineEnd + 1, mark, length } : code;
  }
  const mayBeCall = [...callFences].some((known) => known.startsWith(word));
  return mayBeCall && text.length - behind < maxFenceWordLength ? { kind: "partial", start } : code;
}
