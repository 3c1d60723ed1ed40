// What a screen reader is told of a run: its steps, its questions, its answer, its end. Pure.

import { plainText } from "../conversation/plain-text.ts";
import type { Run } from "./run.ts";

/** What is new between two looks at the newest run. What had ended when it was first seen is not read out. */
export function announceRun(before: Run | undefined, run: Run | undefined): string[] {
  if (run === undefined || before === run) return [];
  const seen = before?.id === run.id ? before : undefined;
  if (seen === undefined && run.status !== "running") return [];
  const said = run.steps.slice(seen?.steps.length ?? 0).map(({ message }) => message);
  if (seen !== undefined && seen.status !== run.status) said.push(...announceStatus(run));
  else if (run.problem !== undefined && seen?.problem !== run.problem) said.push(run.problem);
  return said;
}

function announceStatus({ status, answer, question, pending, problem }: Run): string[] {
  switch (status) {
    case "running":
      return [];
    case "stopping":
      return ["Stopping"];
    case "pending":
      if (problem !== undefined) return [problem];
      if (pending?.question !== undefined) return [`A service asks: ${pending.question.message}`];
      return [`Waits for your confirmation: ${pending?.commands.map(({ command }) => command).join(", ") ?? ""}`];
    case "unclear":
      return [`The agent asks: ${question ?? ""}`];
    case "complete":
      return [plainText(answer), "Command complete"].filter((text) => text !== "");
    case "stopped":
      return ["Command stopped"];
    case "failed":
      // What went wrong stands in an alert of its own.
      return [];
  }
}
