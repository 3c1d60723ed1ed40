// JSON that a person may change, and what is wrong with it meanwhile.

import { useId } from "preact/hooks";

export interface JsonEditorProps {
  readonly label: string;
  readonly text: string;
  readonly problem: string | undefined;
  readonly onInput: (text: string) => void;
}

const mostRows = 12;

export function JsonEditor({ label, text, problem, onInput }: JsonEditorProps) {
  const id = useId();
  return (
    <>
      <label class="asked-arguments">
        <span class="faint">{label}</span>
        <textarea
          class="field json-field"
          rows={Math.min(text.split("\n").length, mostRows)}
          spellcheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby={problem === undefined ? undefined : id}
          value={text}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      </label>
      {problem !== undefined && (
        <p id={id} class="call-error">
          {problem}
        </p>
      )}
    </>
  );
}
