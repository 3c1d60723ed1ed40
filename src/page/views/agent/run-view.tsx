// One command: its words, its steps, its calls, what waits for a word, and the answer.

import { useMemo } from "preact/hooks";
import { adviceFor } from "../../agent/advice.ts";
import { isWorking, type Run, type Step } from "../../agent/run.ts";
import { shortTime } from "../../agent/times.ts";
import { CopyButton } from "../copy-button.tsx";
import { Icon, IconButton } from "../icons.tsx";
import { MarkdownText } from "../markdown-text.tsx";
import type { AskedProps } from "./asked-form.tsx";
import { CallItem } from "./call-item.tsx";
import { ClarificationForm } from "./clarification-form.tsx";
import { ConfirmForm } from "./confirm-form.tsx";
import { QuestionForm } from "./question-form.tsx";

export interface RunViewProps {
  readonly run: Run;
  readonly isLast: boolean;
  /** Something is at work: nothing can be begun. */
  readonly isBusy: boolean;
  /** It is in sight, or soon will be. */
  readonly isNear: boolean;
  readonly onRetry: (runId: string) => void;
  readonly onDecide: AskedProps["onDecide"];
  readonly onAnswer: (answer: string) => void;
}

export function RunView(props: RunViewProps) {
  const { run, isLast, isBusy } = props;
  // One run goes on; the others are not even compared.
  return useMemo(() => <RunBody {...props} />, [run, isLast, isBusy]);
}

function RunBody({ run, isLast, isBusy, isNear, onRetry, onDecide, onAnswer }: RunViewProps) {
  const working = isWorking(run);
  const { steps, calls, answer, question, pending } = run;
  return (
    <>
      <article class="message question" aria-label="You">
        <div class="bubble" dir="auto">
          {run.query}
        </div>
      </article>
      <article class="message run" aria-label="What became of it" aria-busy={working}>
        {steps.length > 0 ? (
          <Steps steps={steps} isWorking={working} />
        ) : (
          working && <p class="stages is-waiting">Sending…</p>
        )}
        {calls.length > 0 && (
          <ul class="calls" aria-label="Calls">
            {calls.map((call, index) => (
              // A command may be called twice; its place is what it is.
              <CallItem key={index} call={call} />
            ))}
          </ul>
        )}
        {pending !== undefined && <Asked key={pending.id} {...{ run, pending, isBusy, onDecide, onRetry }} />}
        {run.decision !== undefined && run.status !== "pending" && (
          <p class="aside-note">{run.decision === "approve" ? "You confirmed it." : "You rejected it."}</p>
        )}
        {run.status === "unclear" && question !== undefined && (
          <ClarificationForm question={question} canAnswer={isLast} isBusy={isBusy} onAnswer={onAnswer} />
        )}
        {answer !== "" && <MarkdownText text={answer} isWhole isNear={isNear} />}
        <Ending run={run} isBusy={isBusy} onRetry={onRetry} />
      </article>
    </>
  );
}

function Asked(props: AskedProps) {
  const { question } = props.pending;
  return question === undefined ? <ConfirmForm {...props} /> : <QuestionForm {...props} question={question} />;
}

function Steps({ steps, isWorking: working }: { readonly steps: readonly Step[]; readonly isWorking: boolean }) {
  return (
    <ol class="steps" aria-label="Steps">
      {steps.map(({ kind, message, atMs, afterMs }, index) => (
        <li key={index} class={working && index === steps.length - 1 ? "step is-current" : "step"} data-kind={kind}>
          <span class="step-words">{message}</span>
          <time class="faint" dateTime={new Date(atMs).toISOString()} title={new Date(atMs).toLocaleTimeString()}>
            {shortTime(afterMs)}
          </time>
        </li>
      ))}
    </ol>
  );
}

interface EndingProps {
  readonly run: Run;
  readonly isBusy: boolean;
  readonly onRetry: (runId: string) => void;
}

function Ending({ run, isBusy, onRetry }: EndingProps) {
  const { status, trouble, answer, totalMs, id } = run;
  if (status === "stopping") return <p class="aside-note">Stopping…</p>;
  if (status === "failed") {
    return (
      <div class="trouble" role="alert">
        <p>
          {sentence(trouble?.message ?? "This command failed")} {adviceFor(trouble?.code ?? "")}
        </p>
        <div class="row">
          <button type="button" class="secondary" disabled={isBusy} onClick={() => onRetry(id)}>
            <Icon name="retry" /> Try again
          </button>
        </div>
      </div>
    );
  }
  if (status !== "complete" && status !== "stopped") return null;
  return (
    <>
      {status === "stopped" && <p class="aside-note">You stopped this command. What was done stays done.</p>}
      <footer class="foot">
        <div class="actions">
          {answer !== "" && <CopyButton label="Copy the answer" text={answer} />}
          <IconButton icon="retry" label="Run it once more" disabled={isBusy} onClick={() => onRetry(id)} />
        </div>
        {totalMs !== undefined && <span class="facts faint">{shortTime(totalMs)}</span>}
      </footer>
    </>
  );
}

/** Sentences of the gateway may come without their full stop. */
function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
