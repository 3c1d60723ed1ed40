// A text into pieces that are small enough to be handed to a model and large enough to be understood. Together they are the
// whole text, to the character; each begins a little before the end of the one before it.

import { boundaryAtOrBefore } from "./graphemes.ts";
import { createHeadingPaths, findHeadings, type Heading } from "./headings.ts";

export interface CutPiece {
  /** In UTF-16 units, as all places. */
  readonly start: number;
  readonly text: string;
  /** The headings above it, from the top: "Contract > Notice". Empty: none. */
  readonly heading: string;
}

/** The longest piece, in characters. */
export const maxPieceChars = 1000;
/** How much of a piece comes again in the next one, at most. */
export const overlapChars = 150;
/** A piece is not cut shorter than that for the sake of a good place. */
const minPieceChars = maxPieceChars / 2;
/** A section that is shorter shares its piece with the next one. */
const minSectionChars = maxPieceChars / 4;

/** Closing signs belong to the sentence. In East Asian texts nothing stands between two of them. */
const sentenceEnd = /[.!?…]["'”’)\]]*\s+|[。！？；…]["'”’」』）》]*\s*/g;
const paragraphEnd = /\n[^\S\n]*\n\s*/g;
const lineEnd = /\n\s*/g;
const space = /\s+/g;

/** @param hasHeadings it is Markdown. */
export function* cutText(text: string, hasHeadings: boolean): Generator<CutPiece> {
  const headings = hasHeadings ? findHeadings(text) : [];
  const headingOf = createHeadingPaths(headings);
  const sectionStart = createSectionStarts(headings);
  let start = 0;
  let lastEnd = 0;
  while (lastEnd < text.length) {
    const section = sectionStart(Math.max(start + minSectionChars, lastEnd + 1), start + maxPieceChars);
    const end = section ?? endOfPiece(text, start, lastEnd);
    yield { start, text: text.slice(start, end), heading: headingOf(start) };
    // A new section owes nothing to the one before.
    start = section === undefined ? startOfNext(text, start, end) : end;
    lastEnd = end;
  }
}

/** The last heading between two places, both of which only ever grow. */
function createSectionStarts(headings: readonly Heading[]): (from: number, to: number) => number | undefined {
  let first = 0;
  return (from, to) => {
    while ((headings[first]?.start ?? from) < from) first += 1;
    let last: number | undefined;
    for (let index = first; (headings[index]?.start ?? to + 1) <= to; index += 1) last = headings[index]?.start;
    return last;
  };
}

function endOfPiece(text: string, start: number, lastEnd: number): number {
  const latest = start + maxPieceChars;
  if (latest >= text.length) return text.length;
  const earliest = Math.max(start + minPieceChars, lastEnd + 1);
  const window = text.slice(earliest, latest);
  for (const kind of [paragraphEnd, sentenceEnd, lineEnd, space]) {
    const place = lastEndOf(kind, window);
    if (place !== undefined) return boundaryAtOrBefore(text, earliest + place, lastEnd);
  }
  return boundaryAtOrBefore(text, latest, lastEnd);
}

function startOfNext(text: string, start: number, end: number): number {
  const earliest = end - overlapChars;
  const window = text.slice(earliest, end);
  for (const kind of [paragraphEnd, sentenceEnd, lineEnd, space]) {
    const place = firstEndOf(kind, window);
    if (place !== undefined) return nextStart(text, earliest + place, start, end);
  }
  return nextStart(text, earliest, start, end);
}

/** Right at the end where there is nothing better: a character as long as a piece. */
function nextStart(text: string, place: number, start: number, end: number): number {
  const boundary = boundaryAtOrBefore(text, place, start);
  return boundary > start && boundary < end ? boundary : end;
}

function lastEndOf(kind: RegExp, window: string): number | undefined {
  let place: number | undefined;
  for (const match of window.matchAll(kind)) place = match.index + match[0].length;
  return place;
}

/** One that leaves something of the window. */
function firstEndOf(kind: RegExp, window: string): number | undefined {
  for (const match of window.matchAll(kind)) {
    const place = match.index + match[0].length;
    if (place < window.length) return place;
  }
  return undefined;
}
