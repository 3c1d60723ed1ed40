// The caller's documents as the page holds them: those that are kept, and those that are on their way. Pure.

export interface StoredDocument {
  readonly id: string;
  readonly name: string;
  /** MIME type. */
  readonly type: string;
  readonly bytes: number;
  readonly pieces: number;
  readonly createdAtMs: number;
}

export interface DocumentList {
  readonly documents: readonly StoredDocument[];
  /** Of one file. Undefined: it is not told. */
  readonly maxBytes: number | undefined;
}

/** Waiting and sending are the page's own, the next three are told by the gateway, the last two stay until they were read. */
export type ImportStep = "waiting" | "sending" | "reading" | "chunking" | "indexing" | "duplicate" | "refused";

/** A file on its way. What has arrived is a document and no import any more. */
export interface Import {
  readonly id: string;
  readonly name: string;
  readonly step: ImportStep;
  /** 0 to 1, while it is indexed. */
  readonly progress: number;
  /** What there is to say of its end. */
  readonly note: string;
}

export type ImportEvent =
  | { readonly type: "stage"; readonly stage: string }
  | { readonly type: "progress"; readonly progress: number }
  | { readonly type: "document"; readonly document: StoredDocument; readonly isDuplicate: boolean }
  | { readonly type: "failure"; readonly error: string };

export interface DocumentsState {
  /** Newest first; undefined until they have been told. */
  readonly list: readonly StoredDocument[] | undefined;
  readonly imports: readonly Import[];
  /** Why something that was asked for was not done. */
  readonly error: string | undefined;
  /** What a screen reader is told of what the eye sees. */
  readonly said: string;
}

export const noDocuments: DocumentsState = { list: undefined, imports: [], error: undefined, said: "" };

export function addImports(state: DocumentsState, files: readonly Pick<Import, "id" | "name">[]): DocumentsState {
  const added = files.map(({ id, name }): Import => ({ id, name, step: "waiting", progress: 0, note: "" }));
  // What has been said of earlier ones was read.
  return { ...state, imports: [...state.imports.filter((item) => !hasEnded(item)), ...added] };
}

export function removeImport(state: DocumentsState, id: string): DocumentsState {
  return { ...state, imports: state.imports.filter((item) => item.id !== id) };
}

export function hasEnded({ step }: Import): boolean {
  return step === "duplicate" || step === "refused";
}

/** The same state when the import is not there (any more), or has ended. */
export function applyImportEvent(state: DocumentsState, id: string, event: ImportEvent): DocumentsState {
  const item = state.imports.find((candidate) => candidate.id === id);
  if (item === undefined || hasEnded(item)) return state;
  const put = (change: Partial<Import>): DocumentsState => ({
    ...state,
    imports: state.imports.map((other) => (other.id === id ? { ...other, ...change } : other)),
  });
  switch (event.type) {
    case "stage":
      return put({ step: steps.find((step) => step === event.stage) ?? item.step });
    case "progress":
      return put({ progress: Math.min(Math.max(event.progress, 0), 1) });
    case "failure": {
      return { ...put({ step: "refused", note: event.error }), said: `${item.name} was not taken: ${event.error}` };
    }
    case "document": {
      const { document, isDuplicate } = event;
      const note = `This text is here already, as ${document.name}`;
      const others = state.list?.filter((other) => other.id !== document.id) ?? [];
      if (isDuplicate) return { ...put({ step: "duplicate", note }), said: `${item.name}: ${note}` };
      return {
        ...removeImport(state, id),
        list: [document, ...others],
        said: `${document.name} is kept, ${piecesOf(document)}`,
      };
    }
    default:
      event satisfies never;
      return state;
  }
}

const steps: readonly ImportStep[] = ["sending", "reading", "chunking", "indexing"];

export function piecesOf({ pieces }: Pick<StoredDocument, "pieces">): string {
  return `${pieces} piece${pieces === 1 ? "" : "s"}`;
}

const typeNames: Readonly<Record<string, string>> = {
  "text/plain": "Text",
  "text/markdown": "Markdown",
  "text/html": "HTML",
  "application/pdf": "PDF",
};

export function typeNameOf({ type }: Pick<StoredDocument, "type">): string {
  return typeNames[type] ?? type;
}

const units = [
  [1024 * 1024, "MB"],
  [1024, "KB"],
] as const;

/** As in "1.4 MB"; no digit behind the point from ten on. */
export function sizeOf({ bytes }: Pick<StoredDocument, "bytes">): string {
  for (const [size, name] of units) {
    if (bytes >= size) return `${(bytes / size).toFixed(bytes < 10 * size ? 1 : 0)} ${name}`;
  }
  return `${bytes} B`;
}
