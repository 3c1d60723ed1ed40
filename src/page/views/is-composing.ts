// Whether a key belongs to a word that is being composed, as in Chinese or Japanese: there Enter ends the word, and Escape
// takes it back.

/**
 * Safari ends the composition before it tells of the key that ended it: that key has the code of input methods alone.
 * @see https://w3c.github.io/uievents/#determine-keydown-keyup-keyCode
 * @see https://bugs.webkit.org/show_bug.cgi?id=165004
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === inputMethodCode;
}

const inputMethodCode = 229;
