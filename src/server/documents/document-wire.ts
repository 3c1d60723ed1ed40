// What is told of documents over HTTP.

import type { DocumentRecord } from "../../store/document-store.ts";

/** What a reader of an import is told; the document as in an answer without events. */
export type ImportEvent = { stage: string } | { progress: number } | { document: EncodedDocument };

export type EncodedDocument = ReturnType<typeof encodeDocument>;

export function encodeDocument(document: DocumentRecord & { readonly isDuplicate?: boolean }) {
  return {
    id: document.documentId,
    name: document.name,
    type: document.type,
    bytes: document.bytes,
    chunks: document.pieces,
    created_at: document.createdAtMs,
    ...(document.isDuplicate === true ? { is_duplicate: true } : {}),
  };
}
