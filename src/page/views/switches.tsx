// What is chosen about the answers of this conversation: a button that says how much differs, and the choices beneath it.

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Choice as Wish, countChanged, type DocumentChoice, type Switches } from "../conversation/switches.ts";
import { Choice } from "./choice.tsx";
import { Icon } from "./icons.tsx";

export interface SwitchesButtonProps {
  readonly switches: Switches;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
  readonly onChange: (change: Partial<Switches>) => void;
  /** The documents to search are to be chosen. */
  readonly onChooseDocuments: () => void;
}

export function SwitchesButton({ switches, isOpen, onToggle, onChange, onChooseDocuments }: SwitchesButtonProps) {
  const box = useRef<HTMLDivElement>(null);
  const changed = countChanged(switches);
  useEffect(() => {
    if (!isOpen) return;
    const leave = (event: PointerEvent) => {
      if (event.target instanceof Node && box.current?.contains(event.target) === false) onToggle();
    };
    document.addEventListener("pointerdown", leave);
    return () => document.removeEventListener("pointerdown", leave);
  }, [isOpen]);

  return (
    <div ref={box} class="switches">
      <button
        type="button"
        class="choice switches-button"
        title="Options of this conversation"
        aria-expanded={isOpen}
        onClick={onToggle}
      >
        <Icon name="sliders" />
        <span class="switches-name">Options</span>
        {changed > 0 && (
          <>
            {" "}
            <span class="count">{changed}</span> <span class="unseen">changed</span>
          </>
        )}
      </button>
      {isOpen && <SwitchesBox switches={switches} onChange={onChange} onChooseDocuments={onChooseDocuments} />}
    </div>
  );
}

const wishes = [
  ["default", "As the model does"],
  ["on", "On"],
  ["off", "Off"],
] as const satisfies readonly (readonly [Wish, string])[];

type SwitchesBoxProps = Pick<SwitchesButtonProps, "switches" | "onChange" | "onChooseDocuments">;

function SwitchesBox({ switches, onChange, onChooseDocuments }: SwitchesBoxProps) {
  const box = useRef<HTMLFieldSetElement>(null);
  useLayoutEffect(() => {
    const opener = document.activeElement;
    box.current?.querySelector<HTMLElement>("select")?.focus();
    return () => opener instanceof HTMLElement && opener.focus();
  }, []);

  return (
    <fieldset ref={box} class="switches-box">
      <legend class="unseen">Options of this conversation</legend>
      <div class="switch">
        <span aria-hidden="true">Reasoning</span>
        <Choice
          label="Reasoning"
          value={switches.reasoning}
          options={wishes}
          onChange={(reasoning) => onChange({ reasoning: reasoning as Wish })}
        />
      </div>
      <div class="switch">
        <span aria-hidden="true">Web search</span>
        <Choice
          label="Web search"
          value={switches.webSearch}
          options={wishes}
          onChange={(webSearch) => onChange({ webSearch: webSearch as Wish })}
        />
      </div>
      <div class="switch">
        <span aria-hidden="true">Documents</span>
        <DocumentsChoice switches={switches} onChange={onChange} onChooseDocuments={onChooseDocuments} />
      </div>
      <label class="switch">
        Further questions
        <input
          type="checkbox"
          checked={switches.followUps}
          onChange={(event) => onChange({ followUps: event.currentTarget.checked })}
        />
      </label>
      <p class="faint">They hold for this conversation, from the next message on.</p>
    </fieldset>
  );
}

interface DocumentsChoiceProps {
  readonly switches: Switches;
  readonly onChange: (change: Partial<Switches>) => void;
  readonly onChooseDocuments?: () => void;
}

/** Which documents are searched. */
export function DocumentsChoice({ switches, onChange, onChooseDocuments }: DocumentsChoiceProps) {
  const { documents, chosenDocuments } = switches;
  const options = [
    ["all", "All are searched"],
    ["none", "None is searched"],
    ["chosen", `Chosen ones (${chosenDocuments.length})`],
  ] as const satisfies readonly (readonly [DocumentChoice, string])[];
  return (
    <Choice
      label="Documents to search"
      value={documents}
      options={options}
      onChange={(choice) => {
        onChange({ documents: choice as DocumentChoice });
        if (choice === "chosen") onChooseDocuments?.();
      }}
    />
  );
}
