// The steps of an answer: what has been done, what is being done. It is one line from the beginning to the end, so that
// nothing beneath it moves when a step comes.

import { isUnderway, type MessageStatus } from "../conversation/message.ts";
import { stageNames } from "../conversation/stage-names.ts";

export interface StagesProps {
  readonly stages: readonly string[];
  readonly status: MessageStatus;
}

export function Stages({ stages, status }: StagesProps) {
  const underway = isUnderway({ status });
  if (stages.length === 0) {
    return underway ? <p class="stages is-waiting">{status === "sending" ? "Sending…" : "Waiting…"}</p> : null;
  }
  return (
    <ol class="stages" aria-label="Steps of the answer">
      {stages.map((stage, index) => {
        const { underway: doing, done } = stageNames(stage);
        const isCurrent = underway && index === stages.length - 1;
        return (
          // A step may come twice; its place is what it is.
          <li key={`${index}-${stage}`} class={isCurrent ? "stage is-current" : "stage"} title={doing}>
            {isCurrent ? doing : done}
          </li>
        );
      })}
    </ol>
  );
}
