// The documents: which are searched, bringing files by button or by dropping them, and what is kept.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Switches } from "../conversation/switches.ts";
import type { DocumentsState, StoredDocument } from "../documents/document.ts";
import type { Shelf } from "../documents/shelf.ts";
import { DocumentItem } from "./document-item.tsx";
import { Icon, IconButton } from "./icons.tsx";
import { ImportItem } from "./import-item.tsx";
import { DocumentsChoice } from "./switches.tsx";

export interface DocumentsPanelProps {
  readonly documents: DocumentsState;
  readonly shelf: Shelf;
  readonly switches: Switches;
  readonly onSwitch: (change: Partial<Switches>) => void;
  readonly onOpen: (document: StoredDocument) => void;
  readonly onClose: () => void;
}

export function DocumentsPanel({ documents, shelf, switches, onSwitch, onOpen, onClose }: DocumentsPanelProps) {
  const box = useRef<HTMLElement>(null);
  const isOver = useFilesOver(box, shelf.bring);
  const focusBring = () => box.current?.querySelector<HTMLElement>(".bring")?.focus();
  useLayoutEffect(() => {
    const opener = document.activeElement;
    focusBring();
    return () => opener instanceof HTMLElement && opener.focus();
  }, []);

  const { list, imports, error, said } = documents;
  const chosen = new Set(switches.chosenDocuments);
  function choose(id: string, isChosen: boolean): void {
    const others = switches.chosenDocuments.filter((other) => other !== id);
    onSwitch({ chosenDocuments: isChosen ? [...others, id] : others });
  }

  return (
    <aside ref={box} class={`tree-panel documents-panel ${isOver ? "is-over" : ""}`} aria-label="Documents">
      <div class="sidebar-head">
        <h2>Documents</h2>
        <IconButton icon="close" label="Close the documents" onClick={onClose} />
      </div>
      <Bring onBring={shelf.bring} />
      <div class="documents-choice">
        <span class="faint">In this conversation</span>
        <DocumentsChoice switches={switches} onChange={onSwitch} />
      </div>
      {error !== undefined && (
        <p class="notice" role="alert">
          {error}
        </p>
      )}
      {imports.length > 0 && (
        <ul class="imports" aria-label="Files on their way">
          {imports.map((item) => (
            <ImportItem
              key={item.id}
              item={item}
              onDismiss={() => {
                shelf.dismiss(item.id);
                focusBring();
              }}
            />
          ))}
        </ul>
      )}
      {list !== undefined && list.length > 0 && (
        <ul class="documents" aria-label="Kept documents">
          {list.map((document) => (
            <DocumentItem
              key={document.id}
              document={document}
              isChosen={switches.documents === "chosen" ? chosen.has(document.id) : undefined}
              onChoose={(isChosen) => choose(document.id, isChosen)}
              onOpen={() => onOpen(document)}
              onRemove={() => {
                focusBring();
                if (chosen.has(document.id)) choose(document.id, false);
                void shelf.remove(document.id);
              }}
            />
          ))}
        </ul>
      )}
      {list?.length === 0 && imports.length === 0 && (
        <p class="faint empty">What you add here is searched for each question, and answers cite it.</p>
      )}
      <p class="unseen" role="status">
        {said}
      </p>
    </aside>
  );
}

/** As the gateway takes them. */
const accepted = ".txt,.text,.md,.markdown,.html,.htm,.xhtml,.pdf,text/plain,text/markdown,text/html,application/pdf";

function Bring({ onBring }: { readonly onBring: (files: readonly File[]) => void }) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="new-chat bring" onClick={() => picker.current?.click()}>
        <Icon name="plus" /> Add documents
      </button>
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        accept={accepted}
        onChange={(event) => {
          onBring([...(event.currentTarget.files ?? [])]);
          // The same file can be chosen again.
          event.currentTarget.value = "";
        }}
      />
      <p class="faint documents-help">Text, Markdown, HTML or PDF. You can also drop files here.</p>
    </>
  );
}

/** Files that are dropped here are documents; elsewhere on the page they go with the message. */
function useFilesOver(box: { readonly current: HTMLElement | null }, take: (files: readonly File[]) => void): boolean {
  const [isOver, setOver] = useState(false);
  useLayoutEffect(() => {
    const panel = box.current;
    if (panel === null) return;
    const over = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
      event.stopPropagation();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!(event.relatedTarget instanceof Node) || !panel.contains(event.relatedTarget)) setOver(false);
    };
    const drop = (event: DragEvent) => {
      setOver(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      event.stopPropagation();
      take(files);
    };
    panel.addEventListener("dragover", over);
    panel.addEventListener("dragleave", leave);
    panel.addEventListener("drop", drop);
    return () => {
      panel.removeEventListener("dragover", over);
      panel.removeEventListener("dragleave", leave);
      panel.removeEventListener("drop", drop);
    };
  }, []);
  return isOver;
}
