// Documents that callers give to be searched: imported, listed, read, removed, found. Each caller has its own.

import type { ChatSource } from "../contract/chat-stream.ts";
import type { Clock } from "../contract/clock.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { DocumentRecord, DocumentStore } from "../store/document-store.ts";
import { type Log, silentLog } from "../telemetry/log.ts";
import type { DocumentFile, ImportedDocument, ImportOptions } from "./document-file.ts";
import { createEmbedder, type Embed } from "./embeddings.ts";
import { importDocument } from "./import-document.ts";
import { type DocumentLimits, defaultDocumentLimits } from "./limits.ts";
import { type SearchOptions, searchDocuments } from "./search-documents.ts";
import { createWordReader } from "./search-words.ts";
import { createStopWords } from "./stop-words.ts";

export interface DocumentsOptions {
  readonly store: DocumentStore;
  readonly limits?: Partial<DocumentLimits>;
  readonly clock: Clock;
  readonly log?: Log;
  /** Absent: documents are found by their words alone. */
  readonly embed?: Embed;
  /** Stands beside each vector: those of another model are never compared. @defaultValue "default" */
  readonly embedModel?: string;
}

export interface Documents {
  /** Of one file, and of its text. */
  readonly maxDocumentBytes: number;
  /**
   * The same text once more answers the document of then.
   * @throws {GatewayError} `invalid-request`, `too-large`, with the field named; or the reason of the signal. Then nothing
   * of the file is left.
   */
  importFile(caller: string, file: DocumentFile, options?: ImportOptions): Promise<ImportedDocument>;
  /** Newest first. */
  list(caller: string): Promise<readonly DocumentRecord[]>;
  /** @throws {GatewayError} `not-found` */
  get(caller: string, documentId: string): Promise<DocumentRecord & { readonly text: string }>;
  /** @throws {GatewayError} `not-found` */
  remove(caller: string, documentId: string): Promise<void>;
  /** The best first; none when nothing fits. @throws {GatewayError} `not-found` for an id that the caller does not have. */
  search(caller: string, question: string, options?: SearchOptions): Promise<ChatSource[]>;
  /** Deletes what imports have left whose process died. Each import does it too. */
  sweep(): Promise<void>;
}

/** An import that has not gone on for so long never will: no single step of it takes a quarter of that. */
const abandonedAfterMs = 10 * 60_000;

export function createDocuments(options: DocumentsOptions): Documents {
  const { store, clock } = options;
  const log = (options.log ?? silentLog).with({ component: "documents" });
  const limits = { ...defaultDocumentLimits, ...options.limits };
  const reader = createWordReader();
  const stopWords = createStopWords();
  const embedder =
    options.embed === undefined ? undefined : createEmbedder(options.embed, options.embedModel ?? "default", log);

  const sweep = () => store.discardAbandoned(clock() - abandonedAfterMs);

  return {
    maxDocumentBytes: limits.maxDocumentBytes,
    async importFile(caller, file, importOptions = {}) {
      await sweep();
      return importDocument({ store, limits, clock, log, reader, embedder }, caller, file, importOptions);
    },
    list: (caller) => store.listDocuments(caller),
    async get(caller, documentId) {
      const record = await store.findDocument(caller, documentId);
      const text = record === undefined ? undefined : await store.readText(caller, documentId);
      if (record === undefined || text === undefined) throw documentNotFound();
      return { ...record, text };
    },
    async remove(caller, documentId) {
      if (!(await store.removeDocument(caller, documentId))) throw documentNotFound();
    },
    search: (caller, question, searchOptions = {}) =>
      searchDocuments({ store, reader, stopWords, embedder }, caller, question, searchOptions),
    sweep,
  };
}

/** Another caller's document is as unknown as one that never was. */
function documentNotFound(): GatewayError {
  return new GatewayError("not-found", "Cannot find this document: it was deleted, or never was");
}
