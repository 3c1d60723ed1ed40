// The hash of a canonical text that arrives in pieces: the same as if it had been collapsed and hashed whole. Bounded.

import { collapseRuns } from "./collapse.ts";
import { isPlaceholder, longestPlaceholder } from "./placeholders.ts";

export class TextDigest {
  readonly #hasher = new Bun.CryptoHasher("sha256");
  /** Something was hashed. */
  #hasText = false;
  /** White space was seen that only counts when more text follows. */
  #hasGap = false;
  /** The beginning of the current message, kept until it is too long to be a placeholder. */
  #head: string | undefined = "";
  /** The first half of a surrogate pair whose second half is in the next piece. */
  #half = "";

  add(piece: string): void {
    let text = this.#half + piece;
    const last = text.charCodeAt(text.length - 1);
    const isHalf = last >= 0xd800 && last <= 0xdbff;
    this.#half = isHalf ? text.slice(-1) : "";
    if (isHalf) text = text.slice(0, -1);
    if (this.#head === undefined) return this.#hash(text);
    this.#head += text;
    if (this.#head.trim().length > longestPlaceholder) this.#release();
  }

  /** The next piece begins another message of the same turn. */
  endMessage(): void {
    if (this.#half !== "") {
      const half = this.#half;
      this.#half = "";
      this.#head = (this.#head ?? "") + half;
    }
    if (this.#head !== undefined && isPlaceholder(this.#head.trim())) this.#head = "";
    this.#release();
    this.#hasGap = this.#hasText;
    this.#head = "";
  }

  /** "" when there is no text. Ends the digest. */
  finish(): string {
    this.endMessage();
    return this.#hasText ? this.#hasher.digest("hex") : "";
  }

  #release(): void {
    const head = this.#head ?? "";
    this.#head = undefined;
    this.#hash(head);
  }

  #hash(text: string): void {
    const collapsed = collapseRuns(text);
    if (collapsed === "") return;
    if (collapsed.startsWith(" ")) this.#hasGap = this.#hasText;
    const words = collapsed.trim();
    if (words === "") return;
    this.#hasher.update(this.#hasGap ? ` ${words}` : words);
    this.#hasText = true;
    this.#hasGap = collapsed.endsWith(" ");
  }
}

/** The digest of a text that is canonical already. */
export function digestCanonical(text: string): string {
  return text === "" ? "" : new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
