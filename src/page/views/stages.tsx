// The steps of an answer in one line: what has been done, what is being done. The line is there from the beginning, so that
// nothing moves when a step comes.

import { stageName } from "../conversation/announcements.ts";
import { isUnderway, type MessageStatus } from "../conversation/message.ts";

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
      {stages.map((stage, index) => (
        <li
          // A step may come twice; its place is what it is.
          key={`${index}-${stage}`}
          class={underway && index === stages.length - 1 ? "stage is-current" : "stage"}
        >
          {stageName(stage)}
        </li>
      ))}
    </ol>
  );
}
