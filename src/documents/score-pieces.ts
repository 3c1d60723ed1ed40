// How well pieces answer a question, from 0 to 1. FTS5 finds the candidates; what they are worth is reckoned here once more:
// its own BM25 counts the pieces of all callers, and gives words that stand in more than half of them no weight at all.

import type { FoundPiece, SearchTerm } from "../store/document-store.ts";
import type { WordReader } from "./search-words.ts";

export interface ScoredPiece {
  readonly piece: FoundPiece;
  readonly score: number;
}

/** How many pieces there are where was searched, and how many of them hold each term. */
export interface TermCounts {
  readonly all: number;
  readonly holding: readonly number[];
}

/** The usual constants of BM25: how soon repetition stops to count, and how much length does. */
const saturation = 1.2;
const lengthShare = 0.75;

/**
 * BM25, divided by what a piece of average length has that holds each term once. That quotient x becomes 1 - 4^-x: half of
 * the question's weight gives 0.5, all of it 0.75, and repetition brings it nearer to 1. Terms that nobody holds count too.
 */
export function scorePieces(
  pieces: readonly FoundPiece[],
  terms: readonly SearchTerm[],
  counts: TermCounts,
  reader: WordReader,
): ScoredPiece[] {
  const weights = terms.map((_, index) => weightOf(counts.holding[index] ?? 0, counts.all));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const texts = pieces.map((piece) => reader.read(searchedText(piece)).map(({ word }) => word));
  const averageLength = texts.reduce((sum, words) => sum + words.length, 0) / Math.max(texts.length, 1);

  const scored = pieces.map((piece, index) => {
    const words = texts[index] ?? [];
    const places = placesOf(words);
    const lengthFactor = saturation * (1 - lengthShare + (lengthShare * words.length) / Math.max(averageLength, 1));
    const value = terms.reduce((sum, term, termIndex) => {
      const count = countOf(term, words, places);
      return sum + ((weights[termIndex] ?? 0) * count * (saturation + 1)) / (count + lengthFactor);
    }, 0);
    return { piece, score: whole === 0 ? 0 : 1 - 4 ** -(value / whole) };
  });
  return scored.sort((one, other) => other.score - one.score || one.piece.pieceKey - other.piece.pieceKey);
}

/** What a piece is found by: its document's name and its headings too. */
export function searchedText(piece: { documentName: string; heading: string; text: string }): string {
  return `${piece.documentName}\n${piece.heading}\n${piece.text}`;
}

/** Never below zero, also for words that stand everywhere. */
function weightOf(holding: number, all: number): number {
  return Math.log(1 + Math.max(all - holding + 0.5, 0.5) / (holding + 0.5));
}

function placesOf(words: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [place, word] of words.entries()) {
    const known = places.get(word);
    if (known === undefined) places.set(word, [place]);
    else known.push(place);
  }
  return places;
}

function countOf(term: SearchTerm, words: readonly string[], places: ReadonlyMap<string, readonly number[]>): number {
  const starts = places.get(term[0] ?? "") ?? [];
  if (term.length === 1) return starts.length;
  return starts.filter((start) => term.every((word, offset) => words[start + offset] === word)).length;
}
