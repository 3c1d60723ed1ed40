// Puts words that were spoken where the caret stands, with spaces as somebody would type them.

export interface Written {
  readonly value: string;
  /** Behind the words. */
  readonly caret: number;
}

/** @param end of what is selected, which the words replace */
export function insertWords(value: string, start: number, end: number, words: string): Written {
  const before = value.slice(0, start);
  const after = value.slice(end);
  const spaced =
    (before === "" || /\s$/.test(before) ? "" : " ") + words + (after === "" || /^[\s.,;:!?)]/.test(after) ? "" : " ");
  return { value: before + spaced + after, caret: before.length + spaced.length };
}
