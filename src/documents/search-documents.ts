// One search: by words, and by meaning where there are vectors, to sources as the typed chat tells them.

import type { ChatSource } from "../contract/chat-stream.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { DocumentStore, FoundPiece, SearchScope, SearchTerm } from "../store/document-store.ts";
import type { Embedder } from "./embeddings.ts";
import { findNearest, fuseOrders } from "./rank-pieces.ts";
import { type ScoredPiece, scorePieces, type TermCounts } from "./score-pieces.ts";
import { searchTerms } from "./search-terms.ts";
import type { WordReader } from "./search-words.ts";
import { cutSnippet } from "./snippet.ts";
import type { StopWords } from "./stop-words.ts";

export interface SearchOptions {
  /** Search these only. Absent: all of the caller's. */
  readonly ids?: readonly string[];
  /** Those of the ids that the caller does not have, or no longer, are passed over. @defaultValue they are an error */
  readonly skipsUnknown?: boolean;
  /** Most sources. @defaultValue 5 */
  readonly limit?: number;
  /** Texts are cut to so many characters around the words of the question. Absent: whole pieces. */
  readonly snippetChars?: number;
  readonly signal?: AbortSignal;
}

export interface SearchParts {
  readonly store: DocumentStore;
  readonly reader: WordReader;
  readonly stopWords: StopWords;
  readonly embedder: Embedder | undefined;
}

const defaultLimit = 5;
/** Candidates of each order, of which the best are taken. To score one costs some 50 us. */
const leastCandidates = 50;
const candidatesPerSource = 4;
/** Words that are looked for together. What it costs is how often they stand there: the rarest tell most and cost least. */
const maxMatchedTerms = 16;
/** A word in more than this share of the pieces is left out, as long as the others find enough. */
const commonShare = 0.25;

/** One search, while it runs. */
interface Search extends SearchParts {
  readonly scope: SearchScope;
  readonly question: string;
  readonly terms: readonly SearchTerm[];
  /** Pieces of each order, of which the best are taken. */
  readonly candidates: number;
  readonly signal: AbortSignal;
}

/** @throws {GatewayError} `not-found` for an id that the caller does not have, unless these are skipped. */
export async function searchDocuments(
  parts: SearchParts,
  caller: string,
  question: string,
  options: SearchOptions,
): Promise<ChatSource[]> {
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  const scope: SearchScope = { caller, documentIds: await knownIds(parts.store, caller, options) };
  const terms = searchTerms(question, parts.reader, parts.stopWords);
  const limit = options.limit ?? defaultLimit;
  const candidates = Math.max(leastCandidates, limit * candidatesPerSource);
  const counts = await parts.store.countPieces(scope, terms);
  // Nothing is embedded for who has no documents.
  if (counts.all === 0) return [];
  const search: Search = { ...parts, scope, question, terms, candidates, signal };
  const found = await addMeaning(search, await searchByWords(search, counts));
  return found.slice(0, limit).map(({ piece, score }) => {
    const text = piece.heading === "" ? piece.text.trim() : `${piece.heading}\n\n${piece.text.trim()}`;
    const { snippetChars } = options;
    return {
      chunk_id: `${piece.documentId}:${piece.position}`,
      document_id: piece.documentId,
      document_name: piece.documentName,
      text: snippetChars === undefined ? text : cutSnippet(text, terms, snippetChars, parts.reader),
      score,
    };
  });
}

async function knownIds(
  store: DocumentStore,
  caller: string,
  { ids, skipsUnknown = false }: SearchOptions,
): Promise<readonly string[] | undefined> {
  const known: string[] = [];
  for (const documentId of ids ?? []) {
    if ((await store.findDocument(caller, documentId)) !== undefined) known.push(documentId);
    else if (!skipsUnknown) {
      throw new GatewayError("not-found", "Cannot search a document: it was deleted, or never was", {
        param: "documents",
      });
    }
  }
  return ids === undefined ? undefined : known;
}

async function searchByWords(
  { store, reader, scope, terms, candidates }: Search,
  counts: TermCounts,
): Promise<ScoredPiece[]> {
  const held = terms
    .map((term, index) => ({ term, holding: counts.holding[index] ?? 0 }))
    .filter(({ holding }) => holding > 0)
    .toSorted((one, other) => one.holding - other.holding)
    .slice(0, maxMatchedTerms);
  const rare = held.filter(({ holding }) => holding <= counts.all * commonShare);
  let found = await findPieces(store, scope, rare, candidates);
  if (found.length < candidates && rare.length < held.length) found = await findPieces(store, scope, held, candidates);
  return scorePieces(found, terms, counts, reader);
}

async function findPieces(
  store: DocumentStore,
  scope: SearchScope,
  held: readonly { readonly term: SearchTerm }[],
  limit: number,
): Promise<readonly FoundPiece[]> {
  if (held.length === 0) return [];
  return store.findPieces(
    scope,
    held.map(({ term }) => term),
    limit,
  );
}

/** The order by words as it is, when there are no vectors of the model. */
async function addMeaning(
  { store, embedder, scope, question, candidates, signal }: Search,
  byWords: readonly ScoredPiece[],
): Promise<readonly ScoredPiece[]> {
  if (embedder === undefined || question.trim() === "") return byWords;
  const vector = await embedder.embedQuestion(question, signal);
  if (vector === undefined) return byWords;
  const near = await findNearest(vector.values, store.readVectors(scope, vector.model), candidates, signal);
  if (near.length === 0) return byWords;
  const pieces = new Map<number, FoundPiece>(byWords.map(({ piece }) => [piece.pieceKey, piece]));
  const scores = fuseOrders([byWords.map(({ piece }) => piece.pieceKey), near.map(({ pieceKey }) => pieceKey)]);
  const missing = [...scores.keys()].filter((key) => !pieces.has(key));
  for (const piece of await store.readPieces(scope, missing)) pieces.set(piece.pieceKey, piece);
  return [...scores].flatMap(([key, score]) => {
    const piece = pieces.get(key);
    return piece === undefined ? [] : [{ piece, score }];
  });
}
