// A command before it is sent: how long it may be, counted as the gateway counts it.

const maxQueryCharacters = 500;
/** From here on the field says how much is left. */
const nearLimit = 400;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function countCharacters(text: string): number {
  // Most commands are short, and no text has more characters than units.
  if (text.length < nearLimit) return text.length;
  let count = 0;
  for (const _ of graphemes.segment(text)) count += 1;
  return count;
}

/** Undefined as long as there is plenty of room. */
export function roomLeft(text: string): number | undefined {
  const count = countCharacters(text.trim());
  return count < nearLimit ? undefined : maxQueryCharacters - count;
}
