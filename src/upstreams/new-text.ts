// What of a delta is new. Deltas should be pieces of the answer; should a server repeat all that was said before with
// each of them, only the rest is said. Pieces are never lost: whatever is in doubt is a piece.

export interface NewText {
  /** The text to say now; "" while a delta is kept back. */
  next(content: string): string;
  /** Decides and gives what is kept back: no more deltas of this kind follow for now. */
  settle(): string;
  /** Deltas are pieces, for good: there is no need to ask any more. */
  readonly arePieces: boolean;
}

export interface NewTextOptions {
  /**
   * A server of this kind is known to repeat itself: two deltas are enough, when the first is a word and nothing comes
   * behind the second. @defaultValue false
   */
  readonly isKnownToRepeat?: boolean;
}

/** So many deltas in a row must begin with the whole of the one before. */
const minLinks = 2;
/** Shorter ones may be stuttered, words are not. Characters. */
const wordChars = 4;
/** Beyond this length the row is long enough to decide before the end. */
const decisiveChars = 48;

/**
 * The first delta is said at once. As long as every further one begins with the whole of the one before, and the second
 * is longer than the first, deltas are kept back. They are cumulative when `minLinks` of them did and either
 * `decisiveChars` are reached or nothing more comes; not, however, when all of it is one unit repeated: "ha", "haha" may
 * well be laughter. The first that does not begin so proves all of them pieces.
 * A stream that was found cumulative and then sends something else is pieces from there on.
 */
export function createNewText(options?: NewTextOptions): NewText {
  return new NewTextFinder(options?.isKnownToRepeat ?? false);
}

/** A class and not closures: a thousand open streams hold two thousand of them. */
class NewTextFinder implements NewText {
  #mode: "undecided" | "pieces" | "cumulative" = "undecided";
  /** The newest delta, and all of the text so far if deltas are cumulative. */
  #whole: string | undefined;
  /** How much of `#whole` was said. */
  #said = 0;
  #links = 0;
  #keptBack = "";
  readonly #isKnownToRepeat: boolean;

  constructor(isKnownToRepeat: boolean) {
    this.#isKnownToRepeat = isKnownToRepeat;
  }

  get arePieces(): boolean {
    return this.#mode === "pieces";
  }

  next(content: string): string {
    if (this.#mode === "pieces" || content === "") return content;
    const whole = this.#whole;
    if (whole === undefined) {
      this.#whole = content;
      this.#said = content.length;
      return content;
    }
    const isLink = content.startsWith(whole) && (this.#links > 0 || content.length > whole.length);
    if (!isLink) return this.#becomePieces() + content;
    this.#whole = content;
    if (this.#mode === "cumulative") return this.#becomeCumulative(content);
    this.#links++;
    this.#keptBack += content;
    if (content.length < decisiveChars || this.#links < minLinks) return "";
    return this.#decide(content);
  }

  settle(): string {
    if (this.#mode !== "undecided" || this.#whole === undefined || this.#keptBack === "") return "";
    return this.#decide(this.#whole);
  }

  #decide(text: string): string {
    const isTelling = this.#isKnownToRepeat && text.slice(0, this.#said).trim().length >= wordChars;
    const isCumulative = (this.#links >= minLinks || isTelling) && !isRepetition(text);
    return isCumulative ? this.#becomeCumulative(text) : this.#becomePieces();
  }

  #becomePieces(): string {
    this.#mode = "pieces";
    const kept = this.#keptBack;
    this.#keptBack = "";
    this.#whole = undefined;
    return kept;
  }

  #becomeCumulative(text: string): string {
    this.#mode = "cumulative";
    this.#keptBack = "";
    const rest = text.slice(this.#said);
    this.#said = text.length;
    return rest;
  }
}

/** Whether the text is one unit, said at least twice; the last time it may be cut short. */
function isRepetition(text: string): boolean {
  for (let period = 1; period <= text.length / 2; period++) {
    if (text.startsWith(text.slice(period))) return true;
  }
  return false;
}
