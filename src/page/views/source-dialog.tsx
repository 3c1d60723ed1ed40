// The text of a source, in full.

import { useEffect, useRef } from "preact/hooks";
import type { Source } from "../conversation/message.ts";
import { IconButton } from "./icons.tsx";

export interface SourceDialogProps {
  readonly source: Source;
  readonly onClose: () => void;
}

export function SourceDialog({ source, onClose }: SourceDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);

  return (
    <dialog
      ref={dialog}
      class="source-dialog"
      aria-labelledby="source-name"
      onClose={onClose}
      // The backdrop is the dialog itself; what lies in it is its children.
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="dialog-body">
        <header>
          <h2 id="source-name">{source.documentName}</h2>
          <span class="faint">{Math.round(source.score * 100)} % match</span>
          <IconButton icon="close" label="Close" onClick={() => dialog.current?.close()} />
        </header>
        <p class="source-text" tabIndex={0}>
          {source.text}
        </p>
      </div>
    </dialog>
  );
}
