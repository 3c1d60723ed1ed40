// What clients write where they have nothing to say and their protocol wants something.

/** Lower case. */
const placeholders: ReadonlySet<string> = new Set(["(no content)", "[no content]"]);

/** In characters. */
export const longestPlaceholder = 12;

/** @param text without white space around it */
export function isPlaceholder(text: string): boolean {
  return text.length <= longestPlaceholder && placeholders.has(text.toLowerCase());
}
