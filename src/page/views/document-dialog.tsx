// The text of a document, as far as one would read it here.

import { useEffect, useState } from "preact/hooks";
import { sizeOf, type StoredDocument, typeNameOf } from "../documents/document.ts";
import { Dialog } from "./dialog.tsx";

export interface DocumentDialogProps {
  readonly document: StoredDocument;
  readonly read: (documentId: string) => Promise<string>;
  readonly onClose: () => void;
}

/** More would take the browser seconds to lay out. In UTF-16 units. */
const shownChars = 200_000;

export function DocumentDialog({ document, read, onClose }: DocumentDialogProps) {
  const [text, setText] = useState<string>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    read(document.id).then(setText, (failure: Error) => setError(failure.message));
  }, [document.id]);

  return (
    <Dialog title={document.name} note={`${typeNameOf(document)}, ${sizeOf(document)}`} onClose={onClose}>
      {error !== undefined && (
        <p class="source-text" role="alert">
          {error}
        </p>
      )}
      {error === undefined && text === undefined && <p class="source-text faint">Loading the text…</p>}
      {text !== undefined && text.length > shownChars && (
        <p class="source-text faint">
          The first {shownChars.toLocaleString("en")} of {text.length.toLocaleString("en")} characters.
        </p>
      )}
      {text !== undefined && (
        <p class="source-text" dir="auto">
          {text.slice(0, shownChars).toWellFormed()}
        </p>
      )}
    </Dialog>
  );
}
