// The argument text of one call: what of each piece is new. Pieces should follow one another; some servers repeat all
// that was said before with each of them ("snapshots", a quirk that qwen-code 0.24.4 guards against).

export interface ArgumentText {
  /** The text to say now; "" while a piece is kept back. */
  next(piece: string): string;
  /** Decides and gives what is kept back. */
  settle(): string;
  /** All that was said. */
  readonly said: string;
  /** What was said is one JSON value. */
  readonly isWhole: boolean;
  /** It breaks off in the middle: a string or a bracket is open. Broken JSON is not always cut off. */
  readonly isCutOff: boolean;
}

/**
 * A piece that begins with the whole text before and is longer may be a snapshot, or the beginning of a nested value
 * that looks the same: it is kept back until the next piece tells, or the end, where only one of the two readings is JSON.
 */
export function createArgumentText(): ArgumentText {
  let said = "";
  let mode: "undecided" | "pieces" | "snapshots" = "undecided";
  /** The piece that is kept back: it begins with `said`. */
  let kept: string | undefined;
  const brackets = createBrackets();

  function say(text: string): string {
    said += text;
    brackets.read(text);
    return text;
  }

  function asSnapshot(piece: string): string {
    return say(piece.slice(said.length));
  }

  function decide(next: string): string {
    const piece = kept ?? "";
    kept = undefined;
    if (next.startsWith(piece)) {
      mode = "snapshots";
      return asSnapshot(next);
    }
    mode = "pieces";
    return say(piece + next);
  }

  function isWhole(): boolean {
    return said !== "" && !brackets.areOpen && isJson(said);
  }

  return {
    next(piece) {
      if (piece === "") return "";
      if (kept !== undefined) return decide(piece);
      // Nothing can follow a whole value: it is the same once more, or markup that was left over.
      if (isWhole()) return "";
      if (said === "" || mode === "pieces") return say(piece);
      if (!piece.startsWith(said)) {
        mode = "pieces";
        return say(piece);
      }
      if (mode === "snapshots") return asSnapshot(piece);
      if (piece.length === said.length) return say(piece);
      kept = piece;
      return "";
    },
    settle() {
      if (kept === undefined) return "";
      const piece = kept;
      kept = undefined;
      return !isJson(said + piece) && isJson(piece) ? asSnapshot(piece) : say(piece);
    },
    get said() {
      return said;
    },
    get isWhole() {
      return isWhole();
    },
    get isCutOff() {
      return said !== "" && brackets.areOpen && !isJson(said);
    },
  };
}

/** Which brackets and quotes wait for their end, each sign read once: long arguments come in thousands of pieces. */
function createBrackets() {
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  return {
    get areOpen() {
      return isInString || depth > 0;
    },
    read(text: string): void {
      for (const sign of text) {
        if (isEscaped) isEscaped = false;
        else if (isInString) {
          if (sign === "\\") isEscaped = true;
          else if (sign === '"') isInString = false;
        } else if (sign === '"') isInString = true;
        else if (sign === "{" || sign === "[") depth++;
        else if (sign === "}" || sign === "]") depth--;
      }
    },
  };
}

function isJson(text: string): boolean {
  if (!/^\s*\{[\s\S]*\}\s*$/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    // The question itself.
    return false;
  }
}
