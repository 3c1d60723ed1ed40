// A fenced block of code, read past line by line: markup in it is a sample. Knows where the fence ends.

import { runLength } from "./markup.ts";

/** Longer lines are no fence. */
const maxFenceLength = 100;
/** Where it stands on a line, that line is no fence. */
const otherThanMark = /[^\s`~]/;

/** @see https://spec.commonmark.org/0.31.2/#fenced-code-blocks */
export class CodeBlock {
  isOpen = false;
  #mark = "";
  #length = 0;
  #line = "";
  #isFirstLine = true;

  /** Behind the marks of the opening fence. */
  open(mark: string, length: number): void {
    this.isOpen = true;
    this.#mark = mark;
    this.#length = length;
    this.#line = "";
    this.#isFirstLine = true;
  }

  /** Whatever follows on this line, the block does not end in it. */
  get isMidLine(): boolean {
    return !this.#isFirstLine && otherThanMark.test(this.#line);
  }

  /** Text without a line end has gone by, and without a mark unless it stands in the middle of a line. */
  skipText(): void {
    if (this.#line.length <= maxFenceLength) this.#line += "-";
  }

  /** @returns the index up to which the text belongs to the block: its closing fence, or all there is */
  read(text: string, from: number): number {
    let at = from;
    while (at < text.length) {
      const end = text.indexOf("\n", at);
      const part = text.slice(at, end < 0 ? text.length : end);
      if (this.#isFirstLine && this.#mark === "`" && part.includes("`")) {
        // ```code``` within a line: it has just ended.
        this.isOpen = false;
        const closing = at + part.indexOf("`");
        return closing + runLength(text, closing);
      }
      if (this.#line.length <= maxFenceLength) this.#line += part;
      if (end < 0) return text.length;
      const isFence = !this.#isFirstLine && this.#isClosingLine();
      this.#line = "";
      this.#isFirstLine = false;
      if (isFence) {
        this.isOpen = false;
        // The line end belongs to the text again: it may be white space before a call.
        return end;
      }
      at = end + 1;
    }
    return at;
  }

  #isClosingLine(): boolean {
    const marks = this.#line.trim();
    return marks.length >= this.#length && marks === this.#mark.repeat(marks.length);
  }
}
