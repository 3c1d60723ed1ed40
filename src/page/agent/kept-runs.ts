// The runs as the tab keeps them over a reload: the newest ones, as JSON of bounded length.

import { fieldsOf, listOf, numberOf, textOf } from "../fields.ts";
import { parsePending, parseRunResult } from "./parse-agent.ts";
import { applyRunEvent, createRun, isWorking, leftTrouble, type Run, type RunStatus, type Step } from "./run.ts";

export interface KeptRuns {
  readonly runs: readonly Run[];
  readonly sessionId: string | undefined;
}

const mostRuns = 30;
/** Browsers give a page about 5 MB. */
const maxChars = 1_000_000;
const statuses: readonly RunStatus[] = ["running", "stopping", "pending", "unclear", "complete", "failed", "stopped"];

export function encodeRuns({ runs, sessionId }: KeptRuns): string {
  let kept = runs.slice(-mostRuns);
  for (;;) {
    const text = JSON.stringify({ sessionId, runs: kept });
    if (text.length <= maxChars || kept.length === 0) return text;
    kept = kept.slice(1);
  }
}

/** Nothing of what is no such text. What was at work has been left by the page, and ended with that. */
export function decodeRuns(text: string): KeptRuns {
  let kept: unknown;
  try {
    kept = JSON.parse(text);
  } catch {
    kept = undefined;
  }
  const fields = fieldsOf(kept);
  return {
    sessionId: textOf(fields["sessionId"]),
    runs: listOf(fields["runs"]).flatMap((run) => parseRun(run) ?? []),
  };
}

function parseRun(fields: Readonly<Record<string, unknown>>): Run | undefined {
  const [id, query, sessionId] = ["id", "query", "sessionId"].map((name) => textOf(fields[name]));
  const status = statuses.find((known) => known === fields["status"]);
  if (id === undefined || query === undefined || sessionId === undefined || status === undefined) return undefined;
  const run: Run = {
    ...createRun({ id, query, sessionId, startedAtMs: numberOf(fields["startedAtMs"]) ?? 0 }),
    ...readCalls(fields),
    status,
    steps: listOf(fields["steps"]).map(parseStep),
    answer: textOf(fields["answer"]) ?? "",
    question: textOf(fields["question"]),
    pending: readPending(fields["pending"]),
    decision: fields["decision"] === "approve" ? "approve" : fields["decision"] === "reject" ? "reject" : undefined,
    trouble: readTrouble(fields["trouble"]),
    totalMs: numberOf(fields["totalMs"]),
  };
  if (!isWorking(run)) return run;
  return applyRunEvent(applyRunEvent(run, { type: "trouble", trouble: leftTrouble }), { type: "end" });
}

/** They are kept in the page's words, and read in the gateway's. */
function readCalls({ calls }: Readonly<Record<string, unknown>>): Pick<Run, "calls"> {
  const results = listOf(calls).map((call) => ({ ...call, success: call["isDone"] }));
  return { calls: parseRunResult({ results }).calls };
}

function readPending(value: unknown): Run["pending"] {
  const { id, commands, isDestructive, expiresAtMs, question } = fieldsOf(value);
  const risk = isDestructive === false ? "write" : "destructive";
  return parsePending({ confirmation_id: id, commands, risk, expires_at: expiresAtMs, question });
}

function parseStep(fields: Readonly<Record<string, unknown>>): Step {
  return {
    kind: textOf(fields["kind"]) ?? "",
    message: textOf(fields["message"]) ?? "",
    atMs: numberOf(fields["atMs"]) ?? 0,
    afterMs: numberOf(fields["afterMs"]) ?? 0,
  };
}

function readTrouble(value: unknown): Run["trouble"] {
  const { code, message } = fieldsOf(value);
  return typeof message === "string" ? { code: textOf(code) ?? "", message } : undefined;
}
