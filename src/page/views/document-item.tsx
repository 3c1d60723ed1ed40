// One document that is kept: what it is, opening, choosing and deleting it.

import { useState } from "preact/hooks";
import { piecesOf, sizeOf, type StoredDocument, typeNameOf } from "../documents/document.ts";
import { ConfirmDelete } from "./confirm-delete.tsx";
import { IconButton } from "./icons.tsx";

export interface DocumentItemProps {
  readonly document: StoredDocument;
  /** Undefined: there is nothing to choose. */
  readonly isChosen: boolean | undefined;
  readonly onChoose: (isChosen: boolean) => void;
  readonly onOpen: () => void;
  readonly onRemove: () => void;
}

export function DocumentItem({ document, isChosen, onChoose, onOpen, onRemove }: DocumentItemProps) {
  const [isAsking, setAsking] = useState(false);
  const { name } = document;
  if (isAsking) {
    const question = `Delete ${name}?`;
    return <ConfirmDelete question={question} name={name} onDelete={onRemove} onKeep={() => setAsking(false)} />;
  }
  return (
    <li class="session document">
      {isChosen !== undefined && (
        <input
          type="checkbox"
          aria-label={`Search ${name}`}
          checked={isChosen}
          onChange={(event) => onChoose(event.currentTarget.checked)}
        />
      )}
      <button type="button" class="document-name" aria-haspopup="dialog" onClick={onOpen}>
        <span class="ellipsis">{name}</span>
        <span class="document-facts faint">
          <span>{typeNameOf(document)}</span> <span>{sizeOf(document)}</span> <span>{piecesOf(document)}</span>{" "}
          <time dateTime={new Date(document.createdAtMs).toISOString()}>{timeOf(document)}</time>
        </span>
      </button>
      <IconButton icon="bin" label={`Delete ${name}`} onClick={() => setAsking(true)} />
    </li>
  );
}

/** The time of today, the day of what is older. */
function timeOf({ createdAtMs }: StoredDocument): string {
  const time = new Date(createdAtMs);
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday
    ? time.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })
    : time.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}
