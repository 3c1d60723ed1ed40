// The beginning or the end of a text, cut between two characters: half of one is no Unicode, and servers refuse it.

/** @param most in UTF-16 units */
export function beginningOf(text: string, most: number): string {
  const isWithin = isLowSurrogate(text.charCodeAt(most)) && isHighSurrogate(text.charCodeAt(most - 1));
  return text.slice(0, isWithin ? most - 1 : most);
}

/** @param most in UTF-16 units */
export function endOf(text: string, most: number): string {
  const start = Math.max(text.length - most, 0);
  const isWithin = isLowSurrogate(text.charCodeAt(start)) && isHighSurrogate(text.charCodeAt(start - 1));
  return text.slice(isWithin ? start + 1 : start);
}

function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

function isLowSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}
