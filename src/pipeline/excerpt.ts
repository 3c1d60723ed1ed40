// The beginning or the end of a text, cut between two characters.

import { isInPair } from "../contract/surrogate-pair.ts";

/** @param most in UTF-16 units */
export function beginningOf(text: string, most: number): string {
  return text.slice(0, isInPair(text, most) ? most - 1 : most);
}

/** @param most in UTF-16 units */
export function endOf(text: string, most: number): string {
  const start = Math.max(text.length - most, 0);
  return text.slice(isInPair(text, start) ? start + 1 : start);
}
