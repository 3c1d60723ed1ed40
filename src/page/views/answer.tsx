// An answer: its steps, its thoughts, its sources, its words, how good it is, and what can be done with it.

import { useMemo } from "preact/hooks";
import { canResume, type Cut, isUnderway, type Message, type Source } from "../conversation/message.ts";
import { AnswerFoot } from "./answer-foot.tsx";
import { Icon } from "./icons.tsx";
import { MarkdownText } from "./markdown-text.tsx";
import { Sources } from "./sources.tsx";
import { Stages } from "./stages.tsx";

export interface AnswerProps {
  readonly message: Message;
  readonly index: number;
  readonly count: number;
  readonly isBusy: boolean;
  /** Nothing follows it on the path: its follow-ups can be asked. */
  readonly isLast: boolean;
  /** It is among the last ones, where a conversation is opened. */
  readonly isNear: boolean;
  readonly onWalk: (messageId: string, step: -1 | 1) => void;
  readonly onRetry: (answerId: string) => void;
  readonly onResume: (answerId: string) => void;
  readonly onBranch: (messageId: string) => void;
  readonly onSource: (source: Source) => void;
  readonly onAsk: (text: string) => void;
}

export function Answer(props: AnswerProps) {
  const { message, index, count, isBusy, isLast } = props;
  // One answer grows; the others are not even compared.
  return useMemo(() => <AnswerBody {...props} />, [message, index, count, isBusy, isLast]);
}

function AnswerBody({ message, index, count, isBusy, isLast, isNear, ...on }: AnswerProps) {
  const underway = isUnderway(message);
  return (
    <article id={`message-${message.id}`} class="message answer" aria-label="Answer" aria-busy={underway}>
      <Stages stages={message.stages} status={message.status} />
      {message.sources.length > 0 && <Sources sources={message.sources} onSource={on.onSource} />}
      {message.reasoning !== "" && (
        <Reasoning text={message.reasoning} isThinking={underway && message.content === ""} />
      )}
      <MarkdownText text={message.content} isWhole={!underway} isNear={isNear} />
      {underway && message.content === "" && <span class="caret" aria-hidden="true" />}
      <Trouble message={message} isBusy={isBusy} onRetry={on.onRetry} onResume={on.onResume} />
      {!underway && (
        <AnswerFoot
          message={message}
          index={index}
          count={count}
          isBusy={isBusy}
          onStep={(step) => on.onWalk(message.id, step)}
          onRetry={() => on.onRetry(message.id)}
          onBranch={() => on.onBranch(message.id)}
        />
      )}
      {isLast && !underway && message.followUps.length > 0 && (
        <ul class="follow-ups" aria-label="Questions that may follow">
          {message.followUps.map((question) => (
            <li key={question}>
              <button type="button" class="follow-up" onClick={() => on.onAsk(question)}>
                {question}
              </button>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}

function Reasoning({ text, isThinking }: { readonly text: string; readonly isThinking: boolean }) {
  return (
    <details class="reasoning">
      <summary>
        <span class={isThinking ? "thinking" : ""}>{isThinking ? "Thinking…" : "Reasoning"}</span>
      </summary>
      <div class="reasoning-text">{text}</div>
    </details>
  );
}

interface TroubleProps {
  readonly message: Message;
  readonly isBusy: boolean;
  readonly onRetry: (answerId: string) => void;
  readonly onResume: (answerId: string) => void;
}

const cutNotes: Readonly<Record<Cut, string>> = {
  length: "This answer was cut off: it came to its longest length. Ask it to go on.",
  content_filter: "This answer was cut off: Qwen's filter ended it. Ask in other words.",
};

/** What has gone wrong, in the message that it happened to, and what to do. */
function Trouble({ message, isBusy, onRetry, onResume }: TroubleProps) {
  if (message.status === "stopped") return <p class="aside-note">You stopped this answer.</p>;
  if (message.status === "complete" && message.cutBy !== undefined) {
    return <p class="aside-note">{cutNotes[message.cutBy]}</p>;
  }
  if (message.status === "failed") {
    return (
      <div class="trouble" role="alert">
        <p>{message.error ?? "This answer failed."}</p>
        <div class="row">
          {canResume(message) && (
            <button type="button" class="secondary" disabled={isBusy} onClick={() => onResume(message.id)}>
              Read on
            </button>
          )}
          <button type="button" class="secondary" disabled={isBusy} onClick={() => onRetry(message.id)}>
            <Icon name="retry" /> Try again
          </button>
        </div>
      </div>
    );
  }
  if (message.connection === "lost") {
    return <p class="aside-note is-lost">The connection was lost. Coming back…</p>;
  }
  if (message.connection === "resumed") {
    return <p class="aside-note">The connection is back. The answer goes on where it stopped.</p>;
  }
  return null;
}
