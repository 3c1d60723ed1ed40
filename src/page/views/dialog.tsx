// A text over the page, in full: Escape, its button and a click beside it close it.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { IconButton } from "./icons.tsx";

export interface DialogProps {
  readonly title: string;
  /** A few words behind the title. */
  readonly note: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, note, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    // A click beside it closes it, where the browser knows how.
    dialog.current?.setAttribute("closedby", "any");
    dialog.current?.showModal();
  }, []);

  return (
    <dialog ref={dialog} class="source-dialog" aria-labelledby="dialog-title" onClose={onClose}>
      <div class="dialog-body">
        <header>
          <h2 id="dialog-title">{title}</h2>
          <span class="faint">{note}</span>
          <IconButton icon="close" label="Close" onClick={() => dialog.current?.close()} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
