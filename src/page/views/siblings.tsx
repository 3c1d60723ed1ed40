// Which of several branches is shown, and the way to its neighbours.

import { IconButton } from "./icons.tsx";

export interface SiblingsProps {
  /** What the branches are, for screen readers. */
  readonly noun: string;
  /** From 0. */
  readonly index: number;
  readonly count: number;
  readonly onStep: (step: -1 | 1) => void;
}

export function Siblings({ noun, index, count, onStep }: SiblingsProps) {
  if (count < 2) return null;
  return (
    <fieldset class="siblings" aria-label={`${noun} ${index + 1} of ${count}`}>
      <IconButton
        icon="left"
        label={`Earlier ${noun.toLowerCase()}`}
        disabled={index === 0}
        onClick={() => onStep(-1)}
      />
      <span aria-hidden="true">
        {index + 1}/{count}
      </span>
      <IconButton
        icon="right"
        label={`Later ${noun.toLowerCase()}`}
        disabled={index === count - 1}
        onClick={() => onStep(1)}
      />
    </fieldset>
  );
}
