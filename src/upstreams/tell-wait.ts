// The true time in a sentence that ends with "try again" or "try again in a moment": headers tell clients a minute at most.

import { maxRetryAfterSeconds } from "../contract/error-headers.ts";
import { describeDuration } from "../credentials/account-state.ts";

/** A time that the sentence told before is replaced. */
export function tellWait(sentence: string, waitMs: number | undefined): string {
  return tellLongWait(sentence.replace(/try again in [^,:]+/, "try again in a moment"), waitMs);
}

/** The same, but for waits that a header can tell: then it is left as it is. */
export function tellLongWait(sentence: string, waitMs: number | undefined): string {
  if (waitMs === undefined || waitMs <= maxRetryAfterSeconds * 1000) return sentence;
  return sentence.replace(/try again(?: in [^,:]+)?/, `try again in ${describeDuration(waitMs)}`);
}
