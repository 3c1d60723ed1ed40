// The prepared statements of the documents, one a question.

import type { Database } from "bun:sqlite";
import type { DocumentRecord, FoundPiece, NewDocument } from "../document-store.ts";

type ById = { documentId: string };
type ByCaller = { caller: string };
type NewDocumentRow = { [Field in keyof NewDocument]: NewDocument[Field] } & { nowMs: number };

export interface DocumentRow extends DocumentRecord {
  readonly documentKey: number;
}

export interface StateRow {
  readonly documentKey: number;
  readonly caller: string;
  readonly digest: string;
}

const recordColumns = `document_key AS documentKey, document_id AS documentId, name, type, bytes, pieces,
  created_at_ms AS createdAtMs`;

const foundColumns = `piece.piece_key AS pieceKey, document.document_id AS documentId, document.name AS documentName,
  piece.position AS position, piece.heading AS heading, piece.text AS text`;

export type DocumentQuestions = ReturnType<typeof prepareDocumentQuestions>;

export function prepareDocumentQuestions(database: Database) {
  return {
    findByDigest: database.prepare<DocumentRow, ByCaller & { digest: string }>(
      `SELECT ${recordColumns} FROM documents WHERE caller = $caller AND digest = $digest AND state = 'ready'`,
    ),
    findReady: database.prepare<DocumentRow, ByCaller & ById>(
      `SELECT ${recordColumns} FROM documents
       WHERE document_id = $documentId AND caller = $caller AND state = 'ready'`,
    ),
    listReady: database.prepare<DocumentRow, ByCaller>(
      `SELECT ${recordColumns} FROM documents WHERE caller = $caller AND state = 'ready'
       ORDER BY created_at_ms DESC, document_key DESC`,
    ),
    countDocuments: database.prepare<{ count: number }, ByCaller>(
      "SELECT count(*) AS count FROM documents WHERE caller = $caller AND state <> 'removing'",
    ),
    sumBytes: database.prepare<{ bytes: number }, []>(
      "SELECT coalesce(sum(text_bytes), 0) AS bytes FROM documents WHERE state <> 'removing'",
    ),
    insertDocument: database.prepare<unknown, NewDocumentRow>(
      `INSERT INTO documents (document_id, caller, state, name, type, digest, bytes, text_bytes, pieces, created_at_ms,
         touched_at_ms)
       VALUES ($documentId, $caller, 'importing', $name, $type, $digest, $bytes, $textBytes, $pieces, $createdAtMs, $nowMs)`,
    ),
    touchImporting: database.prepare<StateRow, ById & { nowMs: number }>(
      `UPDATE documents SET touched_at_ms = $nowMs WHERE document_id = $documentId AND state = 'importing'
       RETURNING document_key AS documentKey, caller, digest`,
    ),
    insertPiece: database.prepare<
      { pieceKey: number },
      { documentKey: number; position: number; start: number; heading: string; text: string }
    >(
      `INSERT INTO document_pieces (document_key, position, start, heading, text)
       VALUES ($documentKey, $position, $start, $heading, $text) RETURNING piece_key AS pieceKey`,
    ),
    insertWords: database.prepare<unknown, { pieceKey: number; scope: string; words: string }>(
      "INSERT INTO document_words (rowid, scope, words) VALUES ($pieceKey, $scope, $words)",
    ),
    insertVector: database.prepare<unknown, { pieceKey: number; model: string; vector: Uint8Array }>(
      "INSERT INTO document_vectors (piece_key, model, vector) VALUES ($pieceKey, $model, $vector)",
    ),
    showDocument: database.prepare<unknown, { documentKey: number }>(
      "UPDATE documents SET state = 'ready' WHERE document_key = $documentKey",
    ),
    hideDocument: database.prepare<{ documentKey: number }, ById & { nowMs: number }>(
      `UPDATE documents SET state = 'removing', touched_at_ms = $nowMs WHERE document_id = $documentId
       RETURNING document_key AS documentKey`,
    ),
    touchRemoving: database.prepare<unknown, { documentKey: number; nowMs: number }>(
      "UPDATE documents SET touched_at_ms = $nowMs WHERE document_key = $documentKey",
    ),
    somePieceKeys: database.prepare<{ pieceKey: number }, { documentKey: number; limit: number }>(
      "SELECT piece_key AS pieceKey FROM document_pieces WHERE document_key = $documentKey LIMIT $limit",
    ),
    deletePiece: database.prepare<unknown, { pieceKey: number }>(
      "DELETE FROM document_pieces WHERE piece_key = $pieceKey",
    ),
    deleteWords: database.prepare<unknown, { pieceKey: number }>("DELETE FROM document_words WHERE rowid = $pieceKey"),
    deleteVector: database.prepare<unknown, { pieceKey: number }>(
      "DELETE FROM document_vectors WHERE piece_key = $pieceKey",
    ),
    deleteDocument: database.prepare<unknown, { documentKey: number }>(
      "DELETE FROM documents WHERE document_key = $documentKey",
    ),
    /** About so many pages of it. */
    mergeSegments: database.prepare<unknown, { pages: number }>(
      "INSERT INTO document_words (document_words, rank) VALUES ('merge', $pages)",
    ),
    totalChanges: database.prepare<{ count: number }, []>("SELECT total_changes() AS count"),
    findAbandoned: database.prepare<{ documentId: string }, { untouchedSinceMs: number }>(
      `SELECT document_id AS documentId FROM documents WHERE state <> 'ready' AND touched_at_ms < $untouchedSinceMs`,
    ),
    readPieceTexts: database.prepare<
      { position: number; start: number; text: string },
      { documentKey: number; position: number; limit: number }
    >(
      `SELECT position, start, text FROM document_pieces WHERE document_key = $documentKey AND position >= $position
       ORDER BY position LIMIT $limit`,
    ),
    countMatches: database.prepare<{ count: number }, { match: string }>(
      "SELECT count(*) AS count FROM document_words WHERE document_words MATCH $match",
    ),
    findMatches: database.prepare<FoundPiece, ByCaller & { match: string; limit: number }>(
      `SELECT ${foundColumns} FROM document_words
       JOIN document_pieces AS piece ON piece.piece_key = document_words.rowid
       JOIN documents AS document ON document.document_key = piece.document_key
       WHERE document_words MATCH $match AND document.caller = $caller AND document.state = 'ready'
       ORDER BY document_words.rank LIMIT $limit`,
    ),
    readPiece: database.prepare<FoundPiece, ByCaller & { pieceKey: number }>(
      `SELECT ${foundColumns} FROM document_pieces AS piece
       JOIN documents AS document ON document.document_key = piece.document_key
       WHERE piece.piece_key = $pieceKey AND document.caller = $caller AND document.state = 'ready'`,
    ),
    readVectors: database.prepare<
      { pieceKey: number; position: number; vector: Uint8Array },
      { documentKey: number; model: string; position: number; limit: number }
    >(
      `SELECT piece.piece_key AS pieceKey, piece.position AS position, vector.vector AS vector
       FROM document_pieces AS piece JOIN document_vectors AS vector ON vector.piece_key = piece.piece_key
       WHERE piece.document_key = $documentKey AND piece.position >= $position AND vector.model = $model
       ORDER BY piece.position LIMIT $limit`,
    ),
  };
}
