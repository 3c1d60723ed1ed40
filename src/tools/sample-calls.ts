// Whole calls within a parameter's value, such as a document about calls: up to the end of such a sample its tags close
// nothing of the call around it.

import { functionClosing, functionOpening, parameterOpening, toolCallClosing, toolCallOpening } from "./markup.ts";

/** Longest opening tag of a function, with the white space behind it. */
const maxOpeningLength = 400;

export class SampleCalls {
  #openFunctions = 0;
  #openCalls = 0;
  /** One that begins within a line ends there at the latest: it may only be mentioned. */
  #isInline = false;

  /**
   * Whether a tag is a part of a sample. Counts it, so that each is asked for once.
   * @param before pieces of the value before the tag
   */
  owns(word: string | undefined, before: readonly string[]): boolean {
    switch (word) {
      case toolCallOpening:
        this.#openCalls++;
        return true;
      case functionOpening:
        return true;
      case parameterOpening:
        this.#openFunction(before);
        break;
      case functionClosing:
        if (openingAtEnd(before) !== undefined) return true;
        if (this.#openFunctions > 0) return this.#openFunctions-- > 0;
        break;
      case toolCallClosing:
        if (this.#openFunctions === 0 && this.#openCalls > 0) return this.#openCalls-- > 0;
        break;
    }
    return this.#openFunctions > 0;
  }

  /** Text of the value that holds no tag. */
  pass(text: string): void {
    if (!this.#isInline || !text.includes("\n")) return;
    this.#openFunctions = 0;
    this.#isInline = false;
  }

  #openFunction(before: readonly string[]): void {
    const opening = openingAtEnd(before);
    if (opening === undefined) return;
    if (this.#openFunctions === 0) this.#isInline = !opening.includes("\n");
    this.#openFunctions++;
  }
}

/** `<function=name>`, with the white space behind it, where nothing else follows it. */
function openingAtEnd(pieces: readonly string[]): string | undefined {
  let tail = "";
  for (let last = pieces.length - 1; last >= 0 && tail.length < maxOpeningLength; last--) tail = pieces[last] + tail;
  return /<function=[^<>\n]+>\s*$/.exec(tail.slice(-maxOpeningLength))?.[0];
}
