// The text of a source, in full.

import { useLayoutEffect, useRef } from "preact/hooks";
import type { Source } from "../conversation/message.ts";
import { IconButton } from "./icons.tsx";
import { originOf } from "./sources.tsx";

export interface SourceDialogProps {
  readonly source: Source;
  readonly onClose: () => void;
}

export function SourceDialog({ source, onClose }: SourceDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    // A click beside it closes it, where the browser knows how.
    dialog.current?.setAttribute("closedby", "any");
    dialog.current?.showModal();
  }, []);

  return (
    <dialog ref={dialog} class="source-dialog" aria-labelledby="source-name" onClose={onClose}>
      <div class="dialog-body">
        <header>
          <h2 id="source-name">{source.documentName}</h2>
          <span class="faint">{originOf(source)}</span>
          <IconButton icon="close" label="Close" onClick={() => dialog.current?.close()} />
        </header>
        <p class="source-text">{source.text}</p>
        {source.url !== undefined && (
          <p class="source-address">
            <a href={source.url} target="_blank" rel="noopener noreferrer">
              {source.url}
            </a>
          </p>
        )}
      </div>
    </dialog>
  );
}
