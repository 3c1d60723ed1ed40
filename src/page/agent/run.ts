// One command and what became of it, as the page holds it, and what each event does to it. Pure.

export type RunStatus =
  | "running"
  /** It was asked to stop, and has not said yet that it did. */
  | "stopping"
  /** Something risky waits for a word. */
  | "pending"
  /** The agent has a question of its own. */
  | "unclear"
  | "complete"
  | "failed"
  | "stopped";

/** Something that the agent has told while it worked. */
export interface Step {
  /** Such as `executing`. */
  readonly kind: string;
  readonly message: string;
  /** Of the gateway's clock. */
  readonly atMs: number;
  /** Since the work began; anew behind a confirmation, because the wait for it is no work. */
  readonly afterMs: number;
}

/** One call of a tool, and its outcome. */
export interface Call {
  readonly service: string;
  readonly command: string;
  readonly isDone: boolean;
  /** JSON, or undefined where it is not told. */
  readonly arguments: unknown;
  readonly result: unknown;
  readonly error: string | undefined;
  readonly durationMs: number;
}

export interface WaitingCommand {
  readonly service: string;
  readonly command: string;
  readonly arguments: unknown;
}

/** What waits for a word of the person. */
export interface Pending {
  readonly id: string;
  readonly commands: readonly WaitingCommand[];
  readonly isDestructive: boolean;
  readonly expiresAtMs: number;
  /** A tool server wants data, of this JSON schema. */
  readonly question: { readonly message: string; readonly schema: unknown } | undefined;
}

export interface RunResult {
  readonly isDone: boolean;
  readonly totalMs: number;
  readonly calls: readonly Call[];
  readonly answer: string | undefined;
  /** The agent wants to know something first. */
  readonly question: string | undefined;
  readonly pending: Pending | undefined;
  readonly sessionId: string;
}

export interface Trouble {
  /** For a program, such as `timeout`; empty where there is none. */
  readonly code: string;
  readonly message: string;
}

/** Of the trouble that the connection has ended before the run. */
export const lostCode = "unreachable";

/** A run ends when nobody reads it. */
export const leftTrouble: Trouble = { code: "left", message: "The page was left while this ran." };

export type RunEvent =
  | { readonly type: "progress"; readonly kind: string; readonly message: string; readonly atMs: number }
  | { readonly type: "trouble"; readonly trouble: Trouble }
  | { readonly type: "done"; readonly result: RunResult }
  /** The person wants it to end. */
  | { readonly type: "stop" }
  /** Whatever has not been told by now never will be. */
  | { readonly type: "end" };

export interface Run {
  readonly id: string;
  readonly query: string;
  readonly sessionId: string;
  readonly startedAtMs: number;
  readonly status: RunStatus;
  readonly steps: readonly Step[];
  readonly calls: readonly Call[];
  readonly answer: string;
  readonly question: string | undefined;
  readonly pending: Pending | undefined;
  /** What the person has said to the last question. */
  readonly decision: "approve" | "reject" | undefined;
  /** Why the word that was given to a question did not count: it still waits. */
  readonly problem: string | undefined;
  readonly trouble: Trouble | undefined;
  readonly totalMs: number | undefined;
}

export function createRun(fields: Pick<Run, "id" | "query" | "sessionId" | "startedAtMs">): Run {
  return {
    ...fields,
    status: "running",
    steps: [],
    calls: [],
    answer: "",
    question: undefined,
    pending: undefined,
    decision: undefined,
    problem: undefined,
    trouble: undefined,
    totalMs: undefined,
  };
}

export function isWorking({ status }: Pick<Run, "status">): boolean {
  return status === "running" || status === "stopping";
}

/** The person has decided, and the run goes on. */
export function decide(run: Run, decision: "approve" | "reject"): Run {
  return { ...run, status: "running", decision, problem: undefined, trouble: undefined };
}

/** The gateway did not take the decision: the question stands as it stood. */
export function askOnceMore(run: Run, problem: string): Run {
  return { ...run, status: "pending", decision: undefined, problem };
}

/** The same run when it has ended already, or the event says nothing new. */
export function applyRunEvent(run: Run, event: RunEvent): Run {
  if (!isWorking(run)) return run;
  switch (event.type) {
    case "progress":
      return { ...run, steps: [...run.steps, stepOf(run, event)] };
    case "trouble":
      return { ...run, trouble: event.trouble };
    case "done":
      return finish(run, event.result);
    case "stop":
      return { ...run, status: "stopping" };
    case "end":
      return { ...run, ...endingOf(run), pending: undefined };
  }
}

/** `analyzing` begins a run, and begins its work anew behind a question. */
function stepOf({ steps }: Run, { kind, message, atMs }: Extract<RunEvent, { type: "progress" }>): Step {
  const begun = kind === "analyzing" ? undefined : steps.findLast((step) => step.kind === "analyzing");
  return { kind, message, atMs, afterMs: Math.max(0, atMs - (begun?.atMs ?? atMs)) };
}

function finish(run: Run, result: RunResult): Run {
  const { calls, answer, question, pending, totalMs, sessionId } = result;
  const told = { calls, answer: answer ?? "", question, pending, totalMs, sessionId: sessionId || run.sessionId };
  // What waits for a word was told as an answer too, in words that the page has itself.
  if (pending !== undefined) return { ...run, ...told, answer: "", status: "pending", decision: undefined };
  if (question !== undefined) return { ...run, ...told, status: "unclear" };
  if (result.isDone) return { ...run, ...told, status: "complete", trouble: undefined };
  return { ...run, ...told, ...endingOf(run) };
}

function endingOf({ status, trouble }: Run): Pick<Run, "status" | "trouble"> {
  if (trouble?.code === "cancelled" || (trouble === undefined && status === "stopping")) {
    return { status: "stopped", trouble: undefined };
  }
  return { status: "failed", trouble: trouble ?? { code: "", message: "The run ended before it was whole." } };
}
