// Where a text may be cut without tearing a character as people see it: letters with their marks, flags, families.

import { isInPair } from "../contract/excerpt.ts";

/**
 * The nearest boundary at or before `place`. A character that reaches back to `minimum` is cut, but never a surrogate pair.
 * @param minimum a boundary, since flags in a row are told apart only by counting them from one.
 * @returns always more than `minimum`.
 */
export function boundaryAtOrBefore(text: string, place: number, minimum: number): number {
  if (place >= text.length) return text.length;
  if (isPlainAt(text, place)) return place;
  const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text.slice(minimum, place + 2));
  const boundary = minimum + (segments.containing(place - minimum)?.index ?? 0);
  if (boundary > minimum) return boundary;
  if (!isInPair(text, place)) return place;
  return place - 1 > minimum ? place - 1 : place + 1;
}

/** Between two characters of ASCII: a boundary, but between CR and LF. */
function isPlainAt(text: string, place: number): boolean {
  const [before, after] = [text.charCodeAt(place - 1), text.charCodeAt(place)];
  return before < 128 && after < 128 && !(before === 13 && after === 10);
}
