// What the room documents/ asks of a database: documents that come piece by piece, and pieces that are found by their words
// or read with their vectors. No table leaks out.

export interface DocumentRecord {
  readonly documentId: string;
  readonly name: string;
  /** MIME type. */
  readonly type: string;
  /** Of the file as it came. */
  readonly bytes: number;
  readonly pieces: number;
  readonly createdAtMs: number;
}

export interface NewDocument extends DocumentRecord {
  readonly caller: string;
  /** SHA-256 of the text. */
  readonly digest: string;
  /** Of the text in UTF-8. */
  readonly textBytes: number;
}

export interface NewPiece {
  /** Counts from 0. */
  readonly position: number;
  /** Where it begins in the text, in UTF-16 units. */
  readonly start: number;
  /** The headings above it; empty: none. */
  readonly heading: string;
  readonly text: string;
  /** What it is found by: normalised words between spaces. */
  readonly words: string;
  readonly vector?: PieceVector | undefined;
}

export interface PieceVector {
  readonly model: string;
  /** Of length 1. */
  readonly values: Float32Array;
}

export interface DocumentQuota {
  /** Of one caller. */
  readonly maxDocuments: number;
  /** Of the texts of all callers. */
  readonly maxTotalBytes: number;
}

/** Why a document was not begun. */
export type QuotaRefusal = "too-many-documents" | "too-many-bytes";

/** Where is searched. */
export interface SearchScope {
  readonly caller: string;
  /** Absent: all of the caller's documents. */
  readonly documentIds?: readonly string[] | undefined;
}

/** Words that stand next to one another; mostly it is one. */
export type SearchTerm = readonly string[];

export interface FoundPiece {
  readonly pieceKey: number;
  readonly documentId: string;
  readonly documentName: string;
  readonly position: number;
  readonly heading: string;
  readonly text: string;
}

export interface StoredVector {
  readonly pieceKey: number;
  readonly values: Float32Array;
}

/** Every method waits for the lock of another process for a while. @throws {GatewayError} `overloaded` behind that. */
export interface DocumentStore {
  /** The caller's document with this text. */
  findByDigest(caller: string, digest: string): Promise<DocumentRecord | undefined>;
  /** Makes room for a document that nobody sees before `finishDocument`. */
  beginDocument(document: NewDocument, quota: DocumentQuota): Promise<QuotaRefusal | undefined>;
  /** In one transaction. @returns false when the document was given up meanwhile. */
  addPieces(documentId: string, pieces: readonly NewPiece[]): Promise<boolean>;
  /** Shows the document. @returns false when the caller has one with the same text by now, or when it was given up. */
  finishDocument(documentId: string): Promise<boolean>;
  /** Deletes what there is of a document that was begun, in short transactions. */
  discardDocument(documentId: string): Promise<void>;
  /** The same for whatever nobody has worked at since then. */
  discardAbandoned(untouchedSinceMs: number): Promise<void>;

  /** Newest first. */
  listDocuments(caller: string): Promise<readonly DocumentRecord[]>;
  findDocument(caller: string, documentId: string): Promise<DocumentRecord | undefined>;
  readText(caller: string, documentId: string): Promise<string | undefined>;
  /** It is out of sight at once, and gone when this resolves. @returns false when the caller has no such document. */
  removeDocument(caller: string, documentId: string): Promise<boolean>;

  /** How many pieces there are, and how many of them hold each term. */
  countPieces(scope: SearchScope, terms: readonly SearchTerm[]): Promise<{ all: number; holding: readonly number[] }>;
  /** Pieces that hold at least one of the terms, the best first. */
  findPieces(scope: SearchScope, terms: readonly SearchTerm[], limit: number): Promise<readonly FoundPiece[]>;
  readPieces(scope: SearchScope, pieceKeys: readonly number[]): Promise<readonly FoundPiece[]>;
  /** Some at a time, so that whoever reckons with them lets others in between. */
  readVectors(scope: SearchScope, model: string): AsyncIterable<readonly StoredVector[]>;
}
