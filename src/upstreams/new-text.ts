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

/** So many deltas in a row must begin with the whole of the one before. */
const minLinks = 2;
/** Where a reply is over after one link, its first delta must be so long: nobody stutters whole words. Characters. */
const tellingChars = 4;
/** Beyond this length the row is long enough to decide before the end. */
const decisiveChars = 48;

/**
 * The first delta is said at once. As long as every further one begins with the whole of the one before, and the second
 * is longer than the first, deltas are kept back. They are cumulative when `minLinks` of them did and either
 * `decisiveChars` are reached or nothing more comes, or when nothing comes behind the second of two that are words; not, however, when all of it is one unit repeated: "ha", "haha" may
 * well be laughter. The first that does not begin so proves all of them pieces.
 * A stream that was found cumulative and then sends something else is pieces from there on.
 */
export function createNewText(): NewText {
  let mode: "undecided" | "pieces" | "cumulative" = "undecided";
  /** The newest delta, and all of the text so far if deltas are cumulative. */
  let whole: string | undefined;
  /** How much of `whole` was said. */
  let said = 0;
  let links = 0;
  let keptBack = "";

  function becomePieces(): string {
    mode = "pieces";
    const kept = keptBack;
    keptBack = "";
    whole = undefined;
    return kept;
  }

  function becomeCumulative(text: string): string {
    mode = "cumulative";
    keptBack = "";
    const rest = text.slice(said);
    said = text.length;
    return rest;
  }

  function isCumulative(text: string): boolean {
    const isTelling = links >= minLinks || text.slice(0, said).trim().length >= tellingChars;
    return isTelling && !isRepetition(text);
  }

  return {
    get arePieces() {
      return mode === "pieces";
    },
    next(content) {
      if (mode === "pieces" || content === "") return content;
      if (whole === undefined) {
        whole = content;
        said = content.length;
        return content;
      }
      const isLink = content.startsWith(whole) && (links > 0 || content.length > whole.length);
      if (!isLink) return becomePieces() + content;
      whole = content;
      if (mode === "cumulative") return becomeCumulative(content);
      links++;
      keptBack += content;
      if (content.length < decisiveChars || links < minLinks) return "";
      return isCumulative(content) ? becomeCumulative(content) : becomePieces();
    },
    settle() {
      if (mode !== "undecided" || whole === undefined || keptBack === "") return "";
      return isCumulative(whole) ? becomeCumulative(whole) : becomePieces();
    },
  };
}

/** Whether the text is one unit, said at least twice; the last time it may be cut short. */
function isRepetition(text: string): boolean {
  for (let period = 1; period <= text.length / 2; period++) {
    if (text.startsWith(text.slice(period))) return true;
  }
  return false;
}
