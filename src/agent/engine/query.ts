// A query as it may be worked on: text of 1 to 500 characters as people count them, on one line, without control characters.

import { GatewayError } from "../../contract/gateway-error.ts";
import { cleanLine } from "./clean-text.ts";

/** In graphemes: a flag, a family or a letter with its accents is one. */
const maxQueryCharacters = 500;
/** A grapheme may be endless: marks stack. The longest that people write, a kissing couple of two skins, has 15 units. */
const maxQueryUnits = maxQueryCharacters * 16;

/** Joiners and selectors alone, which stay within emoji and words, say nothing. */
const visible = /[^\p{Default_Ignorable_Code_Point}\p{White_Space}]/u;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** @throws {GatewayError} `invalid-request` for what is no text, empty, or longer */
export function parseQuery(query: unknown): string {
  if (typeof query !== "string") throw invalidQuery("must be a string");
  // Before anything looks at it: the body may be as long as the server allows.
  if (query.length > 4 * maxQueryUnits) throw invalidQuery(tooLong);
  const text = cleanLine(query);
  if (!visible.test(text)) throw invalidQuery("must not be empty");
  if (text.length > maxQueryUnits || countGraphemes(text) > maxQueryCharacters) throw invalidQuery(tooLong);
  return text;
}

const tooLong = `must not be longer than ${maxQueryCharacters} characters`;

function countGraphemes(text: string): number {
  let count = 0;
  for (const _ of graphemes.segment(text)) count += 1;
  return count;
}

function invalidQuery(reason: string): GatewayError {
  return new GatewayError("invalid-request", `Invalid request: "query" ${reason}`, { param: "query" });
}
