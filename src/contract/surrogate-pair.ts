// Where a text may not be cut: half of a character is no Unicode, and servers refuse it.

/** Whether the two halves of one character stand on either side of `place`. */
export function isInPair(text: string, place: number): boolean {
  const [before, after] = [text.charCodeAt(place - 1), text.charCodeAt(place)];
  return before >= 0xd800 && before < 0xdc00 && after >= 0xdc00 && after < 0xe000;
}
