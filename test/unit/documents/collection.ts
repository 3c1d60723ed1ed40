// Documents over a database in memory, with a clock and a log that a test can look at.

import type { Database } from "bun:sqlite";
import { createDocuments, type Documents, type DocumentsOptions } from "../../../src/documents/documents.ts";
import { openChatDatabase } from "../../../src/store/chat-database.ts";
import type { DocumentStore } from "../../../src/store/document-store.ts";
import { inMemory } from "../../../src/store/open-database.ts";
import { createSqliteDocuments } from "../../../src/store/sqlite/documents.ts";
import { type Log, type LogFields, silentLog } from "../../../src/telemetry/log.ts";

export interface Collection {
  readonly documents: Documents;
  readonly store: DocumentStore;
  readonly database: Database;
  readonly warnings: { readonly message: string; readonly fields: LogFields | undefined }[];
  nowMs: number;
  /** Imports a text of caller "a". @returns its id. */
  add(text: string, name?: string, type?: string): Promise<string>;
}

export function createCollection(options: Partial<DocumentsOptions> = {}): Collection {
  const warnings: Collection["warnings"] = [];
  const log: Log = {
    ...silentLog,
    warn: (message, fields) => warnings.push({ message, fields }),
    with: () => log,
  };
  const database = openChatDatabase(inMemory, silentLog);
  const clock = () => collection.nowMs;
  const store = createSqliteDocuments(database, { clock });
  const documents = createDocuments({ store, clock, log, ...options });
  const collection: Collection = {
    documents,
    store,
    database,
    warnings,
    nowMs: 1_000_000,
    async add(text, name = "a.txt", type = "text/plain") {
      return (await documents.importFile("a", { name, type, text })).documentId;
    },
  };
  return collection;
}

/** What tables hold, whatever the driver shows of it. */
export function countRows(database: Database): Record<string, number> {
  const tables = ["documents", "document_pieces", "document_vectors", "document_words"];
  return Object.fromEntries(
    tables.map((table) => {
      using statement = database.prepare<{ count: number }, []>(`SELECT count(*) AS count FROM ${table}`);
      return [table, statement.get()?.count ?? 0];
    }),
  );
}

export const nothing = { documents: 0, document_pieces: 0, document_vectors: 0, document_words: 0 };
