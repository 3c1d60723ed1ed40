// Beneath an answer: what can be done with it, who gave it, and how good it is.

import type { Message } from "../conversation/message.ts";
import { CopyButton } from "./copy-button.tsx";
import { IconButton } from "./icons.tsx";
import { Siblings } from "./siblings.tsx";

export interface AnswerFootProps {
  readonly message: Message;
  readonly index: number;
  readonly count: number;
  readonly isBusy: boolean;
  readonly onStep: (step: -1 | 1) => void;
  readonly onRetry: () => void;
  readonly onBranch: () => void;
}

export function AnswerFoot({ message, index, count, isBusy, onStep, onRetry, onBranch }: AnswerFootProps) {
  const { qualityScore } = message;
  return (
    <div class="foot">
      <div class="actions">
        <Siblings noun="Answer" index={index} count={count} onStep={onStep} />
        {message.content !== "" && <CopyButton label="Copy the answer" text={message.content} />}
        <IconButton icon="retry" label="Answer once more, as a new branch" disabled={isBusy} onClick={onRetry} />
        {message.gatewayId !== undefined && (
          <IconButton icon="branch" label="Begin a branch behind this answer" disabled={isBusy} onClick={onBranch} />
        )}
      </div>
      <div class="facts faint">
        {qualityScore !== undefined && <Quality score={qualityScore} />}
        {factsOf(message).map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      </div>
    </div>
  );
}

function Quality({ score }: { readonly score: number }) {
  const percent = Math.round(score * 100);
  const level = score >= 0.75 ? "good" : score >= 0.45 ? "fair" : "poor";
  return (
    <span class={`quality ${level}`} title="How well the answer fits the question and its sources">
      <span class="quality-bar" aria-hidden="true">
        <span style={{ width: `${percent}%` }} />
      </span>
      Quality {percent} %
    </span>
  );
}

function factsOf({ model, upstream, usage }: Message): string[] {
  const tokens = usage?.completionTokens;
  return [
    ...(model === undefined ? [] : [model]),
    ...(upstream === undefined ? [] : [upstream]),
    ...(tokens === undefined ? [] : [`${tokens} tokens`]),
  ];
}
