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
  /** It breaks off in the middle: a string or a bracket is open. */
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

  function say(text: string): string {
    said += text;
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

  return {
    next(piece) {
      if (piece === "") return "";
      if (kept !== undefined) return decide(piece);
      if (said === "" || mode === "pieces") return isRepeatedWhole(said, piece) ? "" : say(piece);
      if (!piece.startsWith(said)) {
        mode = "pieces";
        return isRepeatedWhole(said, piece) ? "" : say(piece);
      }
      if (mode === "snapshots") return asSnapshot(piece);
      // Nothing can follow a whole value, so this is it once more.
      if (isJson(said)) return "";
      if (piece.length > said.length) {
        kept = piece;
        return "";
      }
      return say(piece);
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
      return isJson(said);
    },
    get isCutOff() {
      return said !== "" && !isJson(said) && isOpen(said);
    },
  };
}

/** The whole call, told again behind its pieces. Asked only of what begins like a value of its own. */
function isRepeatedWhole(said: string, piece: string): boolean {
  return said !== "" && piece.startsWith("{") && isJson(piece) && isJson(said);
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

/** Broken JSON is not always cut off: only what still waits for a bracket or a quote is. */
function isOpen(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (isInString) {
      if (sign === "\\") at++;
      else if (sign === '"') isInString = false;
    } else if (sign === '"') isInString = true;
    else if (sign === "{" || sign === "[") depth++;
    else if (sign === "}" || sign === "]") depth--;
  }
  return isInString || depth > 0;
}
