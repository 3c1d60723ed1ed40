// One file on its way: how far it is, or why it was not taken.

import { hasEnded, type Import, type ImportStep } from "../documents/document.ts";
import { IconButton } from "./icons.tsx";

export interface ImportItemProps {
  readonly item: Import;
  readonly onDismiss: () => void;
}

const words: Readonly<Record<Exclude<ImportStep, "duplicate" | "refused">, string>> = {
  waiting: "Waiting for its turn",
  sending: "Sending",
  reading: "Reading",
  chunking: "Cutting into pieces",
  indexing: "Making it searchable",
};

export function ImportItem({ item, onDismiss }: ImportItemProps) {
  const { name, step, progress, note } = item;
  const percent = Math.round(progress * 100);
  return (
    <li class={`import ${step === "refused" ? "is-refused" : ""}`}>
      <div class="row">
        <span class="ellipsis">{name}</span>
        <IconButton icon="close" label={hasEnded(item) ? `Dismiss ${name}` : `Cancel ${name}`} onClick={onDismiss} />
      </div>
      {step === "duplicate" || step === "refused" ? (
        <p class="import-note">{note}</p>
      ) : (
        <>
          <p class="faint">
            {words[step]}
            {step === "indexing" && `, ${percent} %`}
          </p>
          <progress
            aria-label={`${words[step]}: ${name}`}
            max={100}
            value={step === "indexing" ? percent : undefined}
          />
        </>
      )}
    </li>
  );
}
