// The true time in a sentence that ends with "try again in a moment": headers tell clients a minute at most.

import { maxRetryAfterSeconds } from "../contract/error-headers.ts";
import { describeDuration } from "../credentials/account-state.ts";

/** A time that the sentence told before is replaced. */
export function tellWait(sentence: string, waitMs: number | undefined): string {
  const isLong = waitMs !== undefined && waitMs > maxRetryAfterSeconds * 1000;
  return sentence.replace(/try again in [^,:]+/, `try again in ${isLong ? describeDuration(waitMs) : "a moment"}`);
}
