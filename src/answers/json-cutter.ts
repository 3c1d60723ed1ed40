// Cuts the JSON out of an answer while it is still coming: what stands before and behind it is dropped.

import type { JsonRoot } from "./answer-schema.ts";

/** White space behind a bracket in prose is not looked at for longer than this. Characters. */
const maxOpeningChars = 256;

export class JsonCutter {
  /** `before`: no value has begun. `closed`: its last bracket has been read, and whatever follows is none of it. */
  state: "before" | "open" | "closed" = "before";
  readonly #brackets: RegExp;
  /** What may be the beginning of the value: a bracket, and white space behind it. */
  #held = "";
  #depth = 0;
  #isInText = false;
  #isEscaped = false;

  constructor(root: Exclude<JsonRoot, "any">) {
    this.#brackets = root === "array" ? /\[/ : /\{/;
  }

  /** @returns what of the text belongs to the value */
  read(text: string): string {
    if (this.state === "closed") return "";
    return this.state === "open" ? this.#readValue(text) : this.#search(this.#held + text);
  }

  /** A bracket in prose is followed by words; one of an object by a key, or by its end. */
  #search(text: string): string {
    this.#held = "";
    for (let from = 0; ;) {
      const offset = text.slice(from).search(this.#brackets);
      if (offset < 0) return "";
      const start = from + offset;
      const behind = text.slice(start + 1, start + 1 + maxOpeningChars).trimStart();
      if (behind === "" && text.length - start <= maxOpeningChars) {
        this.#held = text.slice(start);
        return "";
      }
      if (text[start] === "[" || behind.startsWith('"') || behind.startsWith("}")) {
        this.state = "open";
        return this.#readValue(text.slice(start));
      }
      from = start + 1;
    }
  }

  #readValue(text: string): string {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#isEscaped) this.#isEscaped = false;
      else if (this.#isInText) {
        if (code === 92) this.#isEscaped = true;
        else if (code === 34) this.#isInText = false;
      } else if (code === 34) this.#isInText = true;
      else if (code === 123 || code === 91) this.#depth++;
      else if ((code === 125 || code === 93) && --this.#depth === 0) {
        this.state = "closed";
        return text.slice(0, at + 1);
      }
    }
    return text;
  }
}
