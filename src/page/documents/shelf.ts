// What a person can do with documents: bring files, read, delete. Files go one after the other, each by itself, so that one
// that is refused keeps no other back.

import type { ChatState } from "../chat-state.ts";
import type { Api } from "../gateway/api.ts";
import type { ImportFile } from "../gateway/import-file.ts";
import type { Store } from "../store.ts";
import {
  addImports,
  applyImportEvent,
  type DocumentList,
  type DocumentsState,
  type ImportEvent,
  removeImport,
  sizeOf,
} from "./document.ts";

export interface ShelfOptions {
  readonly store: Store<ChatState>;
  readonly api: Pick<Api, "listDocuments" | "readDocument" | "deleteDocument">;
  readonly importFile: ImportFile;
  readKey(): string | undefined;
  createId(): string;
  /** @returns the sentence to show; undefined when a key was wanted, which the page asks for by itself */
  explain(error: unknown): string | undefined;
}

export interface Shelf {
  list(): Promise<void>;
  bring(files: readonly File[]): void;
  /** Ends an import that is on its way, and takes away what was said of one. */
  dismiss(importId: string): void;
  remove(documentId: string): Promise<void>;
  /** All of its text. @throws {RequestError} */
  read(documentId: string): Promise<string>;
}

/** Until the gateway has told its own. */
const usualMaxBytes = 20 * 1024 * 1024;
const keyWanted = "The gateway needs an API key. Give it below, and bring the file again.";

export function createShelf({ store, api, importFile, readKey, createId, explain }: ShelfOptions): Shelf {
  const underway = new Map<string, AbortController>();
  let queue: Promise<void> = Promise.resolve();
  /** Larger files are refused by the gateway, but only when all of it was sent. */
  let maxBytes = usualMaxBytes;

  const change = (how: (documents: DocumentsState) => DocumentsState) =>
    store.update((state) => {
      const documents = how(state.documents);
      return documents === state.documents ? state : { ...state, documents };
    });
  const tell = (id: string, event: ImportEvent) => change((documents) => applyImportEvent(documents, id, event));

  async function list(): Promise<void> {
    try {
      let known: DocumentsState["list"];
      let told: DocumentList;
      do {
        known = store.get().documents.list;
        told = await api.listDocuments();
        // What was brought or deleted meanwhile may be missing in it, or still stand there.
      } while (store.get().documents.list !== known);
      const { documents } = told;
      maxBytes = told.maxBytes ?? usualMaxBytes;
      change((before) => ({ ...before, list: documents, error: undefined }));
    } catch (error) {
      const sentence = explain(error);
      change((before) => ({ ...before, error: sentence }));
    }
  }

  async function bringOne(id: string, file: File): Promise<void> {
    // Taken back while others were on their way.
    if (!store.get().documents.imports.some((item) => item.id === id)) return;
    if (file.size > maxBytes) {
      const error = `A document may have ${sizeOf({ bytes: maxBytes })}. Divide it, and bring its parts.`;
      return tell(id, { type: "failure", error });
    }
    const controller = new AbortController();
    underway.set(id, controller);
    tell(id, { type: "stage", stage: "sending" });
    try {
      await importFile(file, { key: readKey(), signal: controller.signal, onEvent: (event) => tell(id, event) });
      tell(id, { type: "failure", error: "The gateway ended the import before it was whole. Try again." });
    } catch (error) {
      if (controller.signal.aborted) return;
      tell(id, { type: "failure", error: explain(error) ?? keyWanted });
    } finally {
      underway.delete(id);
    }
  }

  return {
    list,
    bring(files) {
      const items = files.map((file) => ({ id: createId(), name: file.name, file }));
      change((documents) => addImports(documents, items));
      for (const { id, file } of items) queue = queue.then(() => bringOne(id, file));
    },
    dismiss(importId) {
      underway.get(importId)?.abort();
      change((documents) => removeImport(documents, importId));
    },
    async remove(documentId) {
      const name = store.get().documents.list?.find(({ id }) => id === documentId)?.name ?? "";
      try {
        await api.deleteDocument(documentId);
        change((documents) => ({
          ...documents,
          list: documents.list?.filter(({ id }) => id !== documentId),
          error: undefined,
          said: `${name} was deleted`,
        }));
      } catch (error) {
        const sentence = explain(error);
        // It may be gone already.
        await list();
        change((documents) => ({ ...documents, error: sentence }));
      }
    },
    read: (documentId) => api.readDocument(documentId),
  };
}
