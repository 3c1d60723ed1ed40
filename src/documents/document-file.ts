// What comes in, and what is told about it.

import type { DocumentRecord } from "../store/document-store.ts";

export type DocumentFile = {
  readonly name: string;
  /** MIME type as the client says it; empty: by the ending of the name. */
  readonly type: string;
} & ({ readonly bytes: Uint8Array } | { readonly text: string });

export type ImportStage = "reading" | "chunking" | "indexing";

/** What is being done, or how much of it: 0 to 1. */
export type ImportProgress = { readonly stage: ImportStage } | { readonly progress: number };

export interface ImportOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportedDocument extends DocumentRecord {
  /** The caller had this text already: it is the document of then. */
  readonly isDuplicate: boolean;
}

/** The field of a request that a refusal of this file names. */
export function fieldOf(file: DocumentFile): "file" | "text" {
  return "bytes" in file ? "file" : "text";
}
