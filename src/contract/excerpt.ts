// A part of a text, cut between two characters: half of one is no Unicode, and servers refuse it. Lengths are in UTF-16 units.

/** Whether the two halves of one character stand on either side of `place`. */
export function isInPair(text: string, place: number): boolean {
  const [before, after] = [text.charCodeAt(place - 1), text.charCodeAt(place)];
  return before >= 0xd800 && before < 0xdc00 && after >= 0xdc00 && after < 0xe000;
}

export function beginningOf(text: string, most: number): string {
  return text.slice(0, isInPair(text, most) ? most - 1 : most);
}

export function endOf(text: string, most: number): string {
  const start = Math.max(text.length - most, 0);
  return text.slice(isInPair(text, start) ? start + 1 : start);
}

/** For an eye: three dots stand where something is left out. */
export function briefOf(text: string, most: number): string {
  return text.length <= most ? text : `${beginningOf(text, most)}...`;
}
