// A bounded set of texts of which the newest count. Who learns one again keeps it.

export class NewestTexts implements Iterable<string> {
  readonly #most: number;
  /** Oldest first. */
  readonly #texts = new Set<string>();

  /** @param most of them are kept, or as many as are added at once */
  constructor(most: number) {
    this.#most = most;
  }

  add(texts: ReadonlySet<string>): void {
    for (const text of texts) {
      this.#texts.delete(text);
      this.#texts.add(text);
    }
    const most = Math.max(this.#most, texts.size);
    for (const oldest of this.#texts) {
      if (this.#texts.size <= most) break;
      this.#texts.delete(oldest);
    }
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#texts.values();
  }
}
