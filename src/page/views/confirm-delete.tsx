// The step before something is deleted, in the place of what would be.

import { useLayoutEffect, useRef } from "preact/hooks";

export interface ConfirmDeleteProps {
  readonly question: string;
  /** Of what would be deleted. */
  readonly name: string;
  readonly onDelete: () => void;
  readonly onKeep: () => void;
}

export function ConfirmDelete({ question, name, onDelete, onKeep }: ConfirmDeleteProps) {
  const button = useRef<HTMLButtonElement>(null);
  // Once: the list is drawn anew while answers and files come, and the focus may have gone on meanwhile.
  useLayoutEffect(() => button.current?.focus(), []);
  return (
    <li class="session asking">
      <span class="ellipsis">{question}</span>
      <button ref={button} type="button" class="danger" aria-label={`Delete ${name}`} onClick={onDelete}>
        Delete
      </button>
      <button type="button" class="quiet" onClick={onKeep}>
        Keep
      </button>
    </li>
  );
}
