// Something risky: what would be done, and with which arguments, which can be changed where one command waits.

import { useState } from "preact/hooks";
import { type EditedArguments, isChanged, readArguments, writeJson } from "../../agent/arguments-text.ts";
import type { WaitingCommand } from "../../agent/run.ts";
import { AskedForm, type AskedProps } from "./asked-form.tsx";
import { JsonBox } from "./json-box.tsx";
import { JsonEditor } from "./json-editor.tsx";

export function ConfirmForm(props: AskedProps) {
  const { run, pending, onDecide } = props;
  const { commands, isDestructive } = pending;
  // Several can only be confirmed as they are.
  const only = commands.length === 1 ? commands[0] : undefined;
  const [text, setText] = useState(() => writeJson(only?.arguments));
  const edited: EditedArguments | undefined = only === undefined ? undefined : readArguments(text);
  const problem = edited !== undefined && "problem" in edited ? edited.problem : undefined;
  const hasChanged = only !== undefined && isChanged(text, only.arguments);

  return (
    <AskedForm
      {...props}
      label="Waits for your confirmation"
      class={isDestructive ? "asked is-destructive" : "asked"}
      yes={hasChanged && problem === undefined ? "Confirm with changes" : "Confirm"}
      no="Reject"
      canApprove={problem === undefined}
      onApprove={() =>
        onDecide(run.id, "approve", hasChanged && edited !== undefined && "value" in edited ? edited.value : undefined)
      }
      aside={
        hasChanged && (
          <button type="button" class="link" onClick={() => setText(writeJson(only.arguments))}>
            Undo the changes
          </button>
        )
      }
    >
      <p class="asked-words">
        {isDestructive ? "It may not be possible to undo this. Should it be done?" : "Should this be done?"}
      </p>
      {commands.map((command, index) => (
        <CommandAsked key={index} command={command} isShown={only === undefined} />
      ))}
      {only !== undefined && (
        <JsonEditor label="Arguments, which you can change (JSON)" text={text} problem={problem} onInput={setText} />
      )}
    </AskedForm>
  );
}

interface CommandAskedProps {
  readonly command: WaitingCommand;
  /** Its arguments, too. */
  readonly isShown: boolean;
}

function CommandAsked({ command: { service, command, arguments: input }, isShown }: CommandAskedProps) {
  return (
    <>
      <p class="asked-command">
        <span class="faint">{service}</span> <strong>{command}</strong>
      </p>
      {isShown && <JsonBox label={`Arguments of ${command}`} value={input} />}
    </>
  );
}
