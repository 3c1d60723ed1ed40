// The text of a source, in full, and the way to its page if it has one.

import type { Source } from "../conversation/message.ts";
import { Dialog } from "./dialog.tsx";
import { originOf } from "./sources.tsx";

export interface SourceDialogProps {
  readonly source: Source;
  readonly onClose: () => void;
}

export function SourceDialog({ source, onClose }: SourceDialogProps) {
  return (
    <Dialog title={source.documentName} note={originOf(source)} onClose={onClose}>
      <p class="source-text">{source.text}</p>
      {source.url !== undefined && (
        <p class="source-address">
          <a href={source.url} target="_blank" rel="noopener noreferrer">
            {source.url}
          </a>
        </p>
      )}
    </Dialog>
  );
}
