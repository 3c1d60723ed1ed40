// One import: the text of a file, cut, indexed in short transactions, shown when all of it is there. Whatever fails on the
// way leaves nothing.

import type { Clock } from "../contract/clock.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { othersFirst } from "../contract/others-first.ts";
import { orderedId } from "../contract/random-id.ts";
import { sha256 } from "../conversation/sha256.ts";
import type { DocumentRecord, DocumentStore, NewDocument, NewPiece, QuotaRefusal } from "../store/document-store.ts";
import type { Log } from "../telemetry/log.ts";
import { createBreath } from "./breath.ts";
import { type CutPiece, cutText } from "./cut-text.ts";
import { type DocumentFile, fieldOf, type ImportedDocument, type ImportOptions } from "./document-file.ts";
import type { Embedder } from "./embeddings.ts";
import type { DocumentLimits } from "./limits.ts";
import { readFile } from "./read-file.ts";
import { searchedText } from "./score-pieces.ts";
import type { WordReader } from "./search-words.ts";

export interface ImportParts {
  readonly store: DocumentStore;
  readonly limits: DocumentLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly reader: WordReader;
  readonly embedder: Embedder | undefined;
}

/** Of one transaction, which holds the lock for a millisecond or two, and of one request for embeddings. */
const piecesAtOnce = 16;

/** @throws {GatewayError} `invalid-request`, `too-large`; or the reason of the signal. */
export async function importDocument(
  parts: ImportParts,
  caller: string,
  file: DocumentFile,
  { signal = new AbortController().signal, onProgress = () => {} }: ImportOptions,
): Promise<ImportedDocument> {
  const { store, limits } = parts;
  signal.throwIfAborted();
  onProgress({ stage: "reading" });
  const { name, type, text, bytes } = await readFile(file, limits.maxDocumentBytes, signal);
  const digest = sha256(text);
  const known = await store.findByDigest(caller, digest);
  if (known !== undefined) return { ...known, isDuplicate: true };

  onProgress({ stage: "chunking" });
  const pieces = await cutWhole(text, type, limits.maxPieces, file, signal);
  const record: DocumentRecord = {
    documentId: orderedId(),
    name,
    type,
    bytes,
    pieces: pieces.length,
    createdAtMs: parts.clock(),
  };
  const document: NewDocument = { ...record, caller, digest, textBytes: Buffer.byteLength(text) };
  const refusal = await store.beginDocument(document, limits);
  if (refusal !== undefined) throw quotaError(refusal, limits, file);
  try {
    onProgress({ stage: "indexing" });
    await addPieces(parts, document, pieces, signal, (progress) => onProgress({ progress }));
    if (await store.finishDocument(record.documentId)) {
      const durationMs = parts.clock() - record.createdAtMs;
      parts.log.info("Imported a document", { type, bytes, pieces: record.pieces, durationMs });
      return { ...record, isDuplicate: false };
    }
    // Two imports of one text at a time: the other one was faster.
    await store.discardDocument(record.documentId);
    const winner = await store.findByDigest(caller, digest);
    if (winner !== undefined) return { ...winner, isDuplicate: true };
    throw givenUp();
  } catch (error) {
    await discard(parts, record.documentId);
    throw error;
  }
}

async function cutWhole(
  text: string,
  type: string,
  maxPieces: number,
  file: DocumentFile,
  signal: AbortSignal,
): Promise<CutPiece[]> {
  const pieces: CutPiece[] = [];
  const breath = createBreath(signal);
  for (const piece of cutText(text, type === "text/markdown" || type === "text/html")) {
    pieces.push(piece);
    if (pieces.length > maxPieces) {
      throw new GatewayError(
        "too-large",
        `Cannot keep a document of more than ${maxPieces} pieces: split it, or import less of it`,
        { param: fieldOf(file) },
      );
    }
    await breath.taken();
  }
  return pieces;
}

async function addPieces(
  { store, reader, embedder }: ImportParts,
  { documentId, name }: NewDocument,
  pieces: readonly CutPiece[],
  signal: AbortSignal,
  onProgress: (progress: number) => void,
): Promise<void> {
  const embed = embedder?.forImport();
  for (let position = 0; position < pieces.length; position += piecesAtOnce) {
    const batch = pieces.slice(position, position + piecesAtOnce);
    const texts = batch.map(({ heading, text }) => searchedText({ documentName: name, heading, text }));
    const vectors = await embed?.(texts, signal);
    const added: NewPiece[] = batch.map((piece, index) => ({
      ...piece,
      position: position + index,
      words: wordsOf(reader, texts[index] ?? ""),
      vector: vectors?.[index],
    }));
    if (!(await store.addPieces(documentId, added))) throw givenUp();
    onProgress(Math.min((position + batch.length) / pieces.length, 1));
    await othersFirst();
    signal.throwIfAborted();
  }
}

function wordsOf(reader: WordReader, text: string): string {
  return reader
    .read(text)
    .map(({ word }) => word)
    .join(" ");
}

async function discard({ store, log }: ImportParts, documentId: string): Promise<void> {
  try {
    await store.discardDocument(documentId);
  } catch (error) {
    // Nobody sees what is left; the next import after some minutes deletes it.
    log.warn("Cannot delete what was imported of a document: the next import tries again", { reason: String(error) });
  }
}

function givenUp(): GatewayError {
  return new GatewayError("internal", "Cannot finish the import: the document was given up meanwhile", {
    retryable: true,
  });
}

function quotaError(refusal: QuotaRefusal, limits: DocumentLimits, file: DocumentFile): GatewayError {
  const reason: Readonly<Record<QuotaRefusal, string>> = {
    "too-many-documents": `${limits.maxDocuments} are kept already, as many as may be; delete one first`,
    "too-many-bytes": `all documents together may have ${limits.maxTotalBytes} bytes of text; delete some first`,
  };
  return new GatewayError("too-large", `Cannot keep another document: ${reason[refusal]}`, { param: fieldOf(file) });
}
