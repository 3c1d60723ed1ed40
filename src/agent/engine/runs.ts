// The runs that are under way: begun, carried out to their outcome, kept for follow-ups, stopped.

import type { AgentStore } from "../../store/agent-store.ts";
import type { AgentResult, ForgetConversation, RunOptions } from "../engine.ts";
import { failureOf } from "./failure.ts";
import { type Outcome, Run, type RunParts } from "./run.ts";
import type { RunState } from "./run-state.ts";

export interface BegunRun {
  readonly run: Run;
  readonly result: Promise<AgentResult>;
}

export class Runs {
  readonly #parts: RunParts;
  readonly #store: AgentStore;
  readonly #forget: ForgetConversation | undefined;
  readonly #running = new Set<Run>();
  readonly #works = new Set<Promise<void>>();

  constructor(parts: RunParts, store: AgentStore, forget: ForgetConversation | undefined) {
    this.#parts = parts;
    this.#store = store;
    this.#forget = forget;
  }

  /** Its clock runs from now on. What it does is told by `carryOut`. */
  begin(userId: string, state: RunState, options: RunOptions): BegunRun {
    const run = new Run(userId, options, state, this.#parts);
    this.#running.add(run);
    return { run, result: run.listen(options) };
  }

  /** Works until there is an outcome, and tells it. */
  carryOut(run: Run, work: () => Promise<Outcome>): void {
    const carrying = this.#carryOut(run, work);
    this.#works.add(carrying);
    void carrying.finally(() => this.#works.delete(carrying));
  }

  async #carryOut(run: Run, work: () => Promise<Outcome>): Promise<void> {
    const outcome = await work().catch((error: unknown): Outcome => {
      // Stopped as it should be: nothing that anybody has to look into.
      if (run.isStoppedBy(error)) return { kind: "failed", failure: { code: "cancelled", message: error.message } };
      const failure = failureOf(error);
      const fields = { requestId: run.requestId, code: failure.code };
      if (failure.code === "internal") this.#parts.log.error("A run of the agent failed", fields, error);
      else if (!run.signal.aborted) this.#parts.log.info("A run of the agent failed", fields);
      return { kind: "failed", failure };
    });
    await this.#remember(run, outcome);
    // One that was stopped has told its end.
    await run.untilHeard().catch(() => {});
    // What waits for a person may wait for long: it goes on from the history.
    this.#forget?.(run.userId, run.conversation);
    this.#running.delete(run);
    if (outcome.kind === "answered") run.progress("completed", tellCompletion(run.state));
    run.end(outcome);
    run.stopRest();
  }

  async #remember({ userId, state }: Run, outcome: Outcome): Promise<void> {
    const { query, turnCalls: calls } = state;
    try {
      const turn = { query, calls, answer: wordsOf(outcome) };
      await this.#store.rememberTurn(userId, state.sessionId, state.turnId, turn);
    } catch (error) {
      // The work is done: a follow-up that knows less is better than a result that nobody gets.
      this.#parts.log.error("Cannot keep a turn of the agent", {}, error);
    }
  }

  /** One that was begun and could not go on. @param error whoever began it is told */
  giveUp(run: Run, error: unknown): void {
    this.#running.delete(run);
    run.end({ kind: "failed", failure: failureOf(error) });
  }

  /** @returns false when none is under way */
  cancel(userId: string, sessionId: string): boolean {
    const runs = [...this.#running].filter((run) => run.userId === userId && run.state.sessionId === sessionId);
    for (const run of runs) run.stop("cancelled", "The run was stopped, as asked");
    return runs.length > 0;
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    while (this.#works.size > 0) await Promise.all(this.#works);
  }

  /** Resolves when the last of them has told the store what became of it. */
  async close(): Promise<void> {
    for (const run of this.#running) run.stop("cancelled", "The run was stopped: the gateway ends");
    await Promise.all(this.#works);
  }
}

function wordsOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case "answered":
    case "pending":
      return outcome.answer;
    case "clarification":
      return outcome.question;
    case "failed":
      return outcome.answer ?? `Failed. ${outcome.failure.message}`;
  }
}

function tellCompletion({ results }: RunState): string {
  const well = results.filter(({ success }) => success).length;
  return results.length === well
    ? `Completed: ${countOf(well, "command")}`
    : `Completed: ${well} of ${countOf(results.length, "command")} succeeded`;
}

export function countOf(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
