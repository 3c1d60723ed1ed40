// The driver of the documents for SQLite: pieces in short transactions, found by FTS5. What words and ranks mean is the
// business of the room documents/.

import type { Database } from "bun:sqlite";
import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { othersFirst } from "../../contract/others-first.ts";
import { retryWhileBusy } from "../busy-retry.ts";
import { erasureOf } from "./erasure.ts";
import { matchExpression, scopeWords } from "./document-match.ts";
import { type DocumentQuestions, type DocumentRow, prepareDocumentQuestions } from "./document-questions.ts";
import type { DocumentRecord, DocumentStore, NewPiece, SearchScope, StoredVector } from "../document-store.ts";

export interface SqliteDocumentsOptions {
  readonly clock: Clock;
}

/** Rows that one transaction deletes: about a millisecond. */
const deleteRows = 100;
/** Pages that one transaction merges: below a millisecond, and more than 16 pieces bring. */
const mergePages = 16;
/** Nobody waits longer for a lock than that before he asks again (open-database.ts). */
const maxRestMs = 20;
/** Rows that are read without letting others in between. */
const readRows = 200;

/** @param database of the typed chat, which the caller closes. */
export function createSqliteDocuments(database: Database, options: SqliteDocumentsOptions): DocumentStore {
  const questions = prepareDocumentQuestions(database);
  const erasure = erasureOf(database);
  // Negative: of all segments, not only of those that have many neighbours or many gaps.
  erasure.mergeBy(() => mergeSome(-mergePages));

  /** Takes the lock first; again while another process has it. */
  function write<Result>(work: () => Result): Promise<Result> {
    const transaction = database.transaction(work);
    return retryWhileBusy(() => transaction.immediate());
  }

  /** One of many in a row: then nothing for as long as it took, or another process would hardly ever get the lock. */
  async function writeAmongMany<Result>(work: () => Result): Promise<Result> {
    const startMs = performance.now();
    const result = await write(work);
    await Bun.sleep(Math.min(performance.now() - startMs, maxRestMs));
    return result;
  }

  async function deletePieces(documentKey: number): Promise<void> {
    for (;;) {
      const deleted = await writeAmongMany(() => {
        const rows = questions.somePieceKeys.all({ documentKey, limit: deleteRows });
        for (const row of rows) deletePiece(questions, row);
        if (rows.length === 0) questions.deleteDocument.run({ documentKey });
        else questions.touchRemoving.run({ documentKey, nowMs: options.clock() });
        return rows.length;
      });
      // What was deleted takes its room until the segments that hold it are merged.
      while (await mergeSome(mergePages));
      if (deleted > 0) continue;
      erasure.note("words");
      return;
    }
  }

  /** @returns whether there may be more to merge. */
  function mergeSome(pages: number): Promise<boolean> {
    return writeAmongMany(() => {
      const before = questions.totalChanges.get()?.count ?? 0;
      questions.mergeSegments.run({ pages });
      // One is the command itself.
      return (questions.totalChanges.get()?.count ?? 0) - before > 1;
    });
  }

  async function discard(documentId: string): Promise<void> {
    const hidden = await write(() => questions.hideDocument.get({ documentId, nowMs: options.clock() }));
    if (hidden !== null) await deletePieces(hidden.documentKey);
  }

  const store: DocumentStore = {
    findByDigest: (caller, digest) => retryWhileBusy(() => recordOf(questions.findByDigest.get({ caller, digest }))),

    beginDocument: (document, quota) =>
      write(() => {
        const { count } = questions.countDocuments.get({ caller: document.caller }) ?? { count: 0 };
        if (count >= quota.maxDocuments) return "too-many-documents";
        const { bytes } = questions.sumBytes.get() ?? { bytes: 0 };
        if (bytes + document.textBytes > quota.maxTotalBytes) return "too-many-bytes";
        questions.insertDocument.run({ ...document, nowMs: options.clock() });
        return undefined;
      }),

    async addPieces(documentId, pieces) {
      const isThere = await writeAmongMany(() => {
        const document = questions.touchImporting.get({ documentId, nowMs: options.clock() });
        if (document === null) return false;
        const scope = scopeWords(document.caller, document.documentKey);
        for (const piece of pieces) insertPiece(questions, document.documentKey, scope, piece);
        return true;
      });
      if (isThere) await mergeSome(mergePages);
      return isThere;
    },

    finishDocument: (documentId) =>
      write(() => {
        const document = questions.touchImporting.get({ documentId, nowMs: options.clock() });
        if (document === null || questions.findByDigest.get(document) !== null) return false;
        questions.showDocument.run({ documentKey: document.documentKey });
        return true;
      }),

    discardDocument: discard,

    async discardAbandoned(untouchedSinceMs) {
      const abandoned = await retryWhileBusy(() => questions.findAbandoned.all({ untouchedSinceMs }));
      for (const { documentId } of abandoned) await discard(documentId);
    },

    listDocuments: (caller) =>
      retryWhileBusy(() => questions.listReady.all({ caller }).flatMap((row) => recordOf(row) ?? [])),

    findDocument: (caller, documentId) =>
      retryWhileBusy(() => recordOf(questions.findReady.get({ caller, documentId }))),

    async readText(caller, documentId) {
      const document = await retryWhileBusy(() => questions.findReady.get({ caller, documentId }));
      if (document === null) return undefined;
      return joinPieces(questions, document.documentKey);
    },

    async removeDocument(caller, documentId) {
      const hidden = await write(() => {
        if (questions.findReady.get({ caller, documentId }) === null) return null;
        return questions.hideDocument.get({ documentId, nowMs: options.clock() });
      });
      if (hidden === null) return false;
      await deletePieces(hidden.documentKey);
      return true;
    },

    async countPieces(scope, terms) {
      const rows = await retryWhileBusy(() => documentsIn(questions, scope));
      if (rows.length === 0) return { all: 0, holding: terms.map(() => 0) };
      const keys = searchedKeys(scope, rows);
      const holding: number[] = [];
      for (const term of terms) {
        const match = matchExpression(scope.caller, keys, [term]);
        holding.push((await retryWhileBusy(() => questions.countMatches.get({ match })))?.count ?? 0);
        await othersFirst();
      }
      return { all: rows.reduce((sum, { pieces }) => sum + pieces, 0), holding };
    },

    findPieces: (scope, terms, limit) =>
      retryWhileBusy(() => {
        const rows = documentsIn(questions, scope);
        if (rows.length === 0 || terms.length === 0) return [];
        const match = matchExpression(scope.caller, searchedKeys(scope, rows), terms);
        return questions.findMatches.all({ caller: scope.caller, match, limit });
      }),

    readPieces: ({ caller }, pieceKeys) =>
      retryWhileBusy(() => pieceKeys.flatMap((pieceKey) => questions.readPiece.get({ caller, pieceKey }) ?? [])),

    readVectors: (scope, model) => readVectors(questions, scope, model),
  };
  return store;
}

function insertPiece(questions: DocumentQuestions, documentKey: number, scope: string, piece: NewPiece): void {
  const { position, start, heading, text, words, vector } = piece;
  const inserted = questions.insertPiece.get({ documentKey, position, start, heading, text });
  if (inserted === null) throw new GatewayError("internal", "Cannot keep a piece of a document: it got no key");
  questions.insertWords.run({ ...inserted, scope, words });
  if (vector !== undefined) {
    questions.insertVector.run({ ...inserted, model: vector.model, vector: bytesOf(vector.values) });
  }
}

function deletePiece(questions: DocumentQuestions, { pieceKey }: { pieceKey: number }): void {
  questions.deleteWords.run({ pieceKey });
  questions.deleteVector.run({ pieceKey });
  questions.deletePiece.run({ pieceKey });
}

function documentsIn(questions: DocumentQuestions, { caller, documentIds }: SearchScope): readonly DocumentRow[] {
  if (documentIds === undefined) return questions.listReady.all({ caller });
  const distinct = [...new Set(documentIds)];
  return distinct.flatMap((documentId) => questions.findReady.get({ caller, documentId }) ?? []);
}

function searchedKeys(scope: SearchScope, rows: readonly DocumentRow[]): readonly number[] | undefined {
  return scope.documentIds === undefined ? undefined : rows.map(({ documentKey }) => documentKey);
}

/** Pieces overlap: of each is taken what lies behind the one before. */
async function joinPieces(questions: DocumentQuestions, documentKey: number): Promise<string> {
  let text = "";
  for (let position = 0; ; position += readRows) {
    const rows = await retryWhileBusy(() => questions.readPieceTexts.all({ documentKey, position, limit: readRows }));
    for (const row of rows) text += row.text.slice(text.length - row.start);
    if (rows.length < readRows) return text;
    await othersFirst();
  }
}

async function* readVectors(
  questions: DocumentQuestions,
  scope: SearchScope,
  model: string,
): AsyncGenerator<readonly StoredVector[]> {
  const documents = await retryWhileBusy(() => documentsIn(questions, scope));
  for (const { documentKey } of documents) {
    for (let position = 0; ;) {
      const from = position;
      const rows = await retryWhileBusy(() =>
        questions.readVectors.all({ documentKey, model, position: from, limit: readRows }),
      );
      yield rows.map(({ pieceKey, vector }) => ({ pieceKey, values: floatsOf(vector) }));
      const last = rows.at(-1);
      if (last === undefined || rows.length < readRows) break;
      position = last.position + 1;
      await othersFirst();
    }
  }
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Floats begin at a multiple of four bytes, and a row may begin anywhere. */
function floatsOf(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % Float32Array.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / Float32Array.BYTES_PER_ELEMENT);
}

function recordOf(row: DocumentRow | null): DocumentRecord | undefined {
  if (row === null) return undefined;
  const { documentKey: _, ...record } = row;
  return record;
}
