// Text of tool servers made safe to show, to log and to hand to a model: nothing in it that is not seen, and not too long.

import { beginningOf } from "../../contract/excerpt.ts";
import { withoutUnseen } from "../unseen.ts";

export interface CleanText {
  readonly text: string;
  readonly isCut: boolean;
}

export function cleanText(text: string, maxChars: number): CleanText {
  // What is beyond twice the limit is not even looked at: a megabyte of escapes would cost more than it is worth.
  const looked = text.slice(0, 2 * maxChars + 1000);
  const clean = withoutUnseen(looked);
  if (clean.length <= maxChars && looked.length === text.length) return { text: clean, isCut: false };
  return { text: beginningOf(clean, maxChars), isCut: true };
}

/** On one line, for logs, lists and messages. */
export function cleanLine(text: string, maxChars: number): string {
  return cleanText(text, maxChars).text.replaceAll(/\s+/g, " ").trim();
}
