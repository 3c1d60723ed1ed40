// A tool server asks for data in the middle of a call: fields for it, or JSON where a form has no field for it.

import { useId, useState } from "preact/hooks";
import { draftOf, explainFields, readArguments, writeJson } from "../../agent/arguments-text.ts";
import { type AskedField, askedFields, readFields } from "../../agent/asked-fields.ts";
import type { Pending } from "../../agent/run.ts";
import { AskedForm, type AskedProps } from "./asked-form.tsx";
import { JsonEditor } from "./json-editor.tsx";

export interface QuestionFormProps extends AskedProps {
  readonly question: NonNullable<Pending["question"]>;
}

export function QuestionForm({ question, ...props }: QuestionFormProps) {
  const { message, schema } = question;
  const fields = askedFields(schema);
  const [text, setText] = useState(() => writeJson(draftOf(schema)));
  const edited = readArguments(text);
  const problem = "problem" in edited ? edited.problem : undefined;

  function send(form: HTMLFormElement): void {
    const data = new FormData(form);
    const written = (name: string) => data.get(name)?.toString();
    const value = fields !== undefined ? readFields(fields, written) : "value" in edited ? edited.value : undefined;
    props.onDecide(props.run.id, "approve", value);
  }

  return (
    <AskedForm
      {...props}
      label="A service asks"
      class="asked"
      yes="Send"
      no="Decline"
      canApprove={fields !== undefined || problem === undefined}
      onApprove={send}
    >
      <p class="asked-words" dir="auto">
        {message}
      </p>
      {fields === undefined ? (
        <>
          <Meanings schema={schema} />
          <JsonEditor label="Your data (JSON)" text={text} problem={problem} onInput={setText} />
        </>
      ) : (
        fields.map((field) => <FieldAsked key={field.name} field={field} />)
      )}
    </AskedForm>
  );
}

function FieldAsked({ field }: { readonly field: AskedField }) {
  const { name, label, help, kind, isWhole, isRequired, initial } = field;
  const id = useId();
  const common = { id, name, "aria-describedby": help === "" ? undefined : `${id}-help` };
  const isBox = kind === "checkbox";
  return (
    <div class={isBox ? "asked-field is-box" : "asked-field"}>
      <label for={id}>
        {label}
        {!isRequired && !isBox && <span class="faint"> (optional)</span>}
      </label>
      {kind === "select" ? (
        <select {...common} class="field" required={isRequired}>
          <option value="" />
          {field.choices.map(([value, choice]) => (
            <option key={value} value={value} selected={value === initial}>
              {choice}
            </option>
          ))}
        </select>
      ) : isBox ? (
        <input {...common} type="checkbox" defaultChecked={initial === "true"} />
      ) : (
        <input
          {...common}
          // Any of them will do; the types want to know which.
          type={kind as "text"}
          class="field"
          dir="auto"
          required={isRequired}
          step={kind !== "number" || isWhole ? undefined : "any"}
          defaultValue={initial}
        />
      )}
      {help !== "" && (
        <p id={`${id}-help`} class="faint">
          {help}
        </p>
      )}
    </div>
  );
}

function Meanings({ schema }: { readonly schema: unknown }) {
  const fields = explainFields(schema);
  if (fields.length === 0) return null;
  return (
    <dl class="asked-fields">
      {fields.map(({ name, meaning }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="faint">{meaning}</dd>
        </div>
      ))}
    </dl>
  );
}
