// What an exchange is found by: the words that somebody said or a tool was given, and none by which we write them down.

import { othersFirst } from "../contract/others-first.ts";
import type { WordReader } from "../documents/search-words.ts";
import type { SearchTerm } from "../store/document-store.ts";
import type { StoredContent } from "../store/history-store.ts";

/** Read at a time, about a millisecond. */
const readChars = 8192;
/** Of words that are indexed at a time, about two milliseconds. */
const pieceChars = 32 * 1024;
const mostTerms = 32;
/** Of one search: longer ones are refused where they come in. */
export const mostSearchChars = 500;

const spoken: ReadonlySet<string> = new Set(["text", "reasoning", "name", "arguments"]);

/** Normalised words between spaces, read a little at a time, with others in between; in pieces that are soon indexed. */
export async function searchWords({ request, reply }: StoredContent, reader: WordReader): Promise<string[]> {
  const pieces: string[] = [];
  let words: string[] = [];
  let chars = 0;
  for (const text of [...textsOf(JSON.parse(request)), ...textsOf(JSON.parse(reply))]) {
    for (let start = 0; start < text.length;) {
      const end = wordEnd(text, start + readChars);
      for (const { word } of reader.read(text.slice(start, end))) {
        words.push(word);
        chars += word.length + 1;
      }
      start = end;
      if (chars >= pieceChars) {
        pieces.push(words.join(" "));
        words = [];
        chars = 0;
      }
      if (text.length > readChars) await othersFirst();
    }
  }
  return [...pieces, words.join(" ")];
}

/**
 * All of them must stand in what is found. Characters of scripts without spaces that follow one another must do so there,
 * so that two of them are enough for a search.
 */
export function searchTerms(text: string, reader: WordReader): SearchTerm[] {
  const terms: string[][] = [];
  let last: { readonly end: number } | undefined;
  for (const { word, start, end, isCharacter } of reader.read(text)) {
    if (isCharacter && last?.end === start) terms.at(-1)?.push(word);
    else terms.push([word]);
    last = isCharacter ? { end } : undefined;
  }
  return terms.slice(0, mostTerms);
}

/** Behind the last gap before, so that no word is cut in two; words that have none are cut. */
function wordEnd(text: string, latest: number): number {
  if (latest >= text.length) return text.length;
  for (let end = latest; end > latest - 128; end--) if (/\s/.test(text[end - 1] ?? "")) return end;
  return latest;
}

function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, field]) =>
    typeof field === "string" ? (spoken.has(name) ? [field] : []) : textsOf(field),
  );
}
