// Where a text may be cut without tearing a character as people see it: letters with their marks, flags, families.

/** How far is looked back for a place that is a boundary for certain. */
const lookBackChars = 256;

/**
 * The nearest boundary at or before `place`. A character of more than 256 UTF-16 units is cut, but never a surrogate pair.
 * @returns always more than `minimum`, which is a boundary.
 */
export function boundaryAtOrBefore(text: string, place: number, minimum: number): number {
  if (place >= text.length) return text.length;
  if (isPlainAt(text, place)) return place;
  let from = place - 1;
  while (from > minimum && place - from < lookBackChars && !isPlainAt(text, from)) from -= 1;
  from = Math.max(outOfPair(text, from), minimum);
  const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text.slice(from, place + 2));
  const boundary = from + (segments.containing(place - from)?.index ?? 0);
  if (boundary > minimum && (boundary > from || isPlainAt(text, from))) return boundary;
  const torn = outOfPair(text, place);
  return torn > minimum ? torn : torn + 2;
}

/** Between two characters of ASCII: a boundary, but between CR and LF. */
function isPlainAt(text: string, place: number): boolean {
  const [before, after] = [text.charCodeAt(place - 1), text.charCodeAt(place)];
  return before < 128 && after < 128 && !(before === 13 && after === 10);
}

/** One place back from the middle of a surrogate pair. */
function outOfPair(text: string, place: number): number {
  const [before, after] = [text.charCodeAt(place - 1), text.charCodeAt(place)];
  const isInPair = before >= 0xd800 && before < 0xdc00 && after >= 0xdc00 && after < 0xe000;
  return isInPair ? place - 1 : place;
}
