// What waits for a word of the person: what would be done, with arguments that can be changed, until when, and the word.

import { useEffect, useState } from "preact/hooks";
import {
  draftOf,
  type EditedArguments,
  explainFields,
  isChanged,
  readArguments,
  writeJson,
} from "../../agent/arguments-text.ts";
import type { Pending, Run, WaitingCommand } from "../../agent/run.ts";
import { nextLook, timeLeft } from "../../agent/times.ts";
import { Icon } from "../icons.tsx";
import { JsonBox } from "./json-box.tsx";

export interface PendingFormProps {
  readonly run: Run;
  readonly pending: Pending;
  readonly isBusy: boolean;
  readonly onDecide: (
    runId: string,
    decision: "approve" | "reject",
    changed?: Readonly<Record<string, unknown>>,
  ) => void;
  readonly onRetry: (runId: string) => void;
}

export function PendingForm({ run, pending, isBusy, onDecide, onRetry }: PendingFormProps) {
  const { question, commands, isDestructive, expiresAtMs } = pending;
  // Several can only be confirmed as they are.
  const asked = question === undefined ? (commands.length === 1 ? commands[0]?.arguments : undefined) : draft(question);
  const [text, setText] = useState(() => writeJson(asked));
  const left = useTimeLeft(expiresAtMs);
  const edited: EditedArguments | undefined = asked === undefined ? undefined : readArguments(text);
  const problem = edited !== undefined && "problem" in edited ? edited.problem : undefined;
  // While the gateway looks at the word that it got, it stays out of sight: what was typed may be wanted once more.
  const isHidden = run.status !== "pending";
  const hasChanged = asked !== undefined && isChanged(text, asked);

  if (left === undefined) {
    if (isHidden) return null;
    return (
      <div class="asked">
        <p>Nobody has answered in time, so that nothing was done.</p>
        <div class="row">
          <button type="button" class="secondary" disabled={isBusy} onClick={() => onRetry(run.id)}>
            <Icon name="retry" /> Ask once more
          </button>
        </div>
      </div>
    );
  }

  function approve(): void {
    if (problem !== undefined || isBusy) return;
    const isSent = edited !== undefined && "value" in edited && (hasChanged || question !== undefined);
    onDecide(run.id, "approve", isSent ? edited.value : undefined);
  }

  return (
    <form
      hidden={isHidden}
      class={isDestructive && question === undefined ? "asked is-destructive" : "asked"}
      aria-label={question === undefined ? "Waits for your confirmation" : "A service asks"}
      onSubmit={(event) => {
        event.preventDefault();
        approve();
      }}
    >
      {question === undefined ? (
        <p class="asked-words">
          {isDestructive ? "It may not be possible to undo this. Should it be done?" : "Should this be done?"}
        </p>
      ) : (
        <Question question={question} />
      )}
      {commands.map((command, index) => (
        <CommandAsked key={index} command={command} isShown={commands.length > 1} />
      ))}
      {asked !== undefined && (
        <label class="asked-arguments">
          <span class="faint">
            {question === undefined ? "Arguments, which you can change (JSON)" : "Your data (JSON)"}
          </span>
          <textarea
            class="field json-field"
            rows={Math.min(text.split("\n").length, 12)}
            spellcheck={false}
            aria-invalid={problem !== undefined}
            aria-describedby={problem === undefined ? undefined : `problem-${pending.id}`}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
      )}
      {problem !== undefined && (
        <p id={`problem-${pending.id}`} class="call-error">
          {problem}
        </p>
      )}
      {run.problem !== undefined && (
        <p class="call-error" role="alert">
          {run.problem}
        </p>
      )}
      <div class="row asked-foot">
        <button type="submit" class="primary" disabled={isBusy || problem !== undefined}>
          {question !== undefined ? "Send" : hasChanged && problem === undefined ? "Confirm with changes" : "Confirm"}
        </button>
        <button type="button" class="secondary" disabled={isBusy} onClick={() => onDecide(run.id, "reject")}>
          {question === undefined ? "Reject" : "Decline"}
        </button>
        {hasChanged && (
          <button type="button" class="link" onClick={() => setText(writeJson(asked))}>
            Undo the changes
          </button>
        )}
        <time
          class="faint"
          dateTime={new Date(expiresAtMs).toISOString()}
          title={new Date(expiresAtMs).toLocaleString()}
        >
          Expires {left}
        </time>
      </div>
    </form>
  );
}

function draft({ schema }: NonNullable<Pending["question"]>): Readonly<Record<string, unknown>> {
  return draftOf(schema);
}

function CommandAsked({
  command: { service, command, arguments: input },
  isShown,
}: {
  readonly command: WaitingCommand;
  readonly isShown: boolean;
}) {
  return (
    <>
      <p class="asked-command">
        <span class="faint">{service}</span> <strong>{command}</strong>
      </p>
      {isShown && <JsonBox label={`Arguments of ${command}`} value={input} />}
    </>
  );
}

function Question({ question: { message, schema } }: { readonly question: NonNullable<Pending["question"]> }) {
  const fields = explainFields(schema);
  return (
    <>
      <p class="asked-words" dir="auto">
        {message}
      </p>
      {fields.length > 0 && (
        <dl class="asked-fields">
          {fields.map(({ name, meaning }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="faint">{meaning}</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

/** In words, which change as time goes by; undefined: it has expired. */
function useTimeLeft(expiresAtMs: number): string | undefined {
  const [nowMs, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setTimeout(() => setNow(Date.now()), nextLook(expiresAtMs, nowMs));
    return () => clearTimeout(timer);
  }, [expiresAtMs, nowMs]);
  return timeLeft(expiresAtMs, nowMs);
}
