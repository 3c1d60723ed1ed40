// Searches in FTS5's language. Every word is quoted, so that nothing a person types is an operator of it.

import type { SearchTerm } from "../document-store.ts";

/**
 * What stands in the column `scope` of a piece: whose it is, and of which document. FTS5 then joins both to the words,
 * and never looks at what other callers have.
 */
export function scopeWords(caller: string, documentKey: number): string {
  return `${callerWord(caller)} ${documentWord(documentKey)}`;
}

/** @param documentKeys undefined: all of the caller's documents. @param terms empty: all pieces. */
export function matchExpression(
  caller: string,
  documentKeys: readonly number[] | undefined,
  terms: readonly SearchTerm[],
): string {
  const scopes = documentKeys === undefined ? [[callerWord(caller)]] : documentKeys.map((key) => [documentWord(key)]);
  const scope = `scope : (${anyOf(scopes)})`;
  return terms.length === 0 ? scope : `${scope} AND words : (${anyOf(terms)})`;
}

function anyOf(terms: readonly SearchTerm[]): string {
  return terms.map(phrase).join(" OR ");
}

/** A quote is doubled within quotes; a zero byte would end the whole expression. */
export function phrase(words: SearchTerm): string {
  return `"${words.join(" ").replaceAll("\0", " ").replaceAll('"', '""')}"`;
}

/** Of a caller in a column `scope`. Half of the hash is beyond guessing, and each piece carries it. */
export function callerWord(caller: string): string {
  return `c${Bun.SHA256.hash(caller, "hex").slice(0, 32)}`;
}

function documentWord(documentKey: number): string {
  return `d${documentKey}`;
}
