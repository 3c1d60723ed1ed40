// The arguments of a structured call on their way to the client: held until they are whole and mended then, or passed on
// as they come once they are long and sound so far. Which pieces belong to them is argument-text.ts.

import type { Json } from "../../../contract/json.ts";
import { repairArguments } from "../../../tools/repair-arguments.ts";
import type { ToolWarningKind } from "../../../tools/tool-warning.ts";

export interface HeldArguments {
  /**
   * @param isWhole the piece ends a JSON object
   * @returns the text to say now; "" while it is held
   */
  next(piece: string, isWhole: boolean): string;
  /** No more follows. @param isComplete nothing was cut off: what is broken may be mended. @returns what is held */
  end(isComplete: boolean): string;
}

export interface HeldOptions {
  /** JSON schema of the arguments. */
  readonly schema: Json;
  readonly onWarning: (kind: ToolWarningKind) => void;
}

/**
 * UTF-16 units. Shorter arguments are there within seconds, and nobody can act on half of them; whoever writes a file
 * wants to see it grow, and its client to hear that something comes.
 */
const maxPatientChars = 4096;
/** Arguments that are broken wait for their end up to this length. */
const maxHeldChars = 1_048_576;

/** Nothing is held or mended. */
export const unheldArguments: HeldArguments = { next: (piece) => piece, end: () => "" };

export function createHeldArguments({ schema, onWarning }: HeldOptions): HeldArguments {
  const lexer = new SoundLexer();
  let held = "";
  let isStreaming = false;

  function take(): string {
    const text = held;
    held = "";
    return text;
  }

  function mend(): string {
    const { text, warnings } = repairArguments(take(), schema);
    for (const kind of warnings) onWarning(kind);
    return text;
  }

  return {
    next(piece, isWhole) {
      if (isStreaming) return piece;
      held += piece;
      if (isWhole) return mend();
      lexer.read(piece);
      isStreaming = held.length > (lexer.isSound ? maxPatientChars : maxHeldChars);
      return isStreaming ? take() : "";
    },
    end: (isComplete) => (held === "" || !isComplete ? take() : mend()),
  };
}

/** Signs that JSON has outside of texts, its three words included. */
const outside = /^[\s{}[\]:,\d+\-.eEtrufalsn]$/;
const escapes = '"\\/bfnrtu';

/** Whether a text may be the beginning of valid JSON, by its signs alone: the commonest faults show in them. */
class SoundLexer {
  isSound = true;
  #isInText = false;
  #isEscaped = false;

  read(piece: string): void {
    for (const sign of this.isSound ? piece : "") this.isSound &&= this.#accepts(sign);
  }

  #accepts(sign: string): boolean {
    if (this.#isEscaped) {
      this.#isEscaped = false;
      return escapes.includes(sign);
    }
    if (sign === '"') {
      this.#isInText = !this.#isInText;
      return true;
    }
    if (!this.#isInText) return outside.test(sign);
    this.#isEscaped = sign === "\\";
    return sign >= " ";
  }
}
