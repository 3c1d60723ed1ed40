// How long an answer may be where somebody has to hold all of it: one that never ends must not fill the memory.

import { GatewayError } from "./gateway-error.ts";

/** Of one text, and of the arguments of one call: some eight million tokens. */
export const mostAnswerBytes = 32 * 1024 * 1024;

/** The same would come once more: it is not asked for again. */
export function answerTooLong(): GatewayError {
  return new GatewayError(
    "upstream-failed",
    "Cannot hold the whole answer: it is longer than 32 MiB. Ask for fewer tokens, or for a stream of chat completions",
    { final: true },
  );
}
