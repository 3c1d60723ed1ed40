// What a screen reader is told of an answer while it comes: its steps, its paragraphs as they are finished, its end. Pure,
// but for how far it has got.

import type { Message } from "./message.ts";
import { plainText } from "./plain-text.ts";
import { stageNames } from "./stage-names.ts";

export interface Announcements {
  /** Sentences that are new since the last call. What was whole when it was first seen is not read out. */
  update(answer: Message | undefined): string[];
}

export function createAnnouncements(): Announcements {
  let last: Message | undefined;
  let saidLength = 0;

  /** Finished paragraphs; at the end whatever is left. */
  function paragraphsOf({ content }: Message, isWhole: boolean): string[] {
    const end = isWhole ? content.length : content.lastIndexOf("\n\n");
    if (end <= saidLength) return [];
    const piece = content.slice(saidLength, end);
    saidLength = end;
    const text = plainText(piece);
    return text === "" ? [] : [text];
  }

  return {
    update(answer) {
      const before = last;
      last = answer;
      if (answer === undefined || answer === before) return [];
      if (answer.id !== before?.id) {
        saidLength = answer.status === "sending" || answer.status === "running" ? 0 : answer.content.length;
        return [];
      }
      const said: string[] = [];
      const stage = answer.stages.at(-1);
      if (stage !== undefined && stage !== before.stages.at(-1)) said.push(stageNames(stage).underway);
      if (answer.sources.length > before.sources.length) said.push(count(answer.sources.length, "source"));
      if (answer.connection !== before.connection) {
        if (answer.connection === "lost") said.push("Connection lost. Trying to come back");
        if (answer.connection === "resumed") said.push("Connection is back");
      }
      const hasEnded = answer.status !== before.status && answer.status !== "running";
      said.push(...paragraphsOf(answer, hasEnded));
      if (hasEnded && answer.status === "complete") {
        const { length } = answer.followUps;
        const ending = answer.cutBy === undefined ? "Answer complete" : "Answer cut off";
        said.push(length === 0 ? ending : `${ending}, ${count(length, "follow-up question")}`);
      }
      if (hasEnded && answer.status === "stopped") said.push("Answer stopped");
      return said;
    },
  };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
