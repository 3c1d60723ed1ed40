// How long an answer may be where somebody has to hold all of it: one that never ends must not fill the memory.

import { GatewayError } from "./gateway-error.ts";

/** Of one text, and of all else that an answer has beside its texts: some eight million tokens. */
export const mostAnswerBytes = 32 * 1024 * 1024;
/** What each call, page or item costs beside its words: there may be 8192 of them, which nobody can use. */
const entryBytes = 4096;

/** The same would come once more: it is not asked for again. */
export function answerTooLong(): GatewayError {
  return new GatewayError(
    "upstream-failed",
    "Cannot hold the whole answer: it is longer than 32 MiB. Ask for fewer tokens, or for a stream of chat completions",
    { final: true },
  );
}

/** What is held of one answer, as somebody counts it who keeps calls, pages or items of it: their words, and what is beside these. */
export class AnswerRoom {
  #words = 0;
  #entries = 0;

  /** One call, page or item more. @param texts its name and the like @throws {GatewayError} `upstream-failed` beyond 32 MiB */
  addEntry(...texts: readonly (string | undefined)[]): void {
    this.#entries += entryBytes;
    for (const text of texts) this.#entries += text?.length ?? 0;
    if (this.#entries > mostAnswerBytes) throw answerTooLong();
  }

  /** More words of one. @throws {GatewayError} `upstream-failed` beyond 32 MiB */
  addWords(length: number): void {
    this.#words += length;
    if (this.#words > mostAnswerBytes) throw answerTooLong();
  }
}
