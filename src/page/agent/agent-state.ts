// All that the agent's tab shows, as one value, and small changes to it.

import type { AgentAccess } from "./access-after.ts";
import { isWorking, type Run } from "./run.ts";
import type { Service } from "./services.ts";

export interface AgentState {
  readonly access: AgentAccess;
  /** Undefined until they have been told. */
  readonly services: readonly Service[] | undefined;
  readonly isListing: boolean;
  /** Why they could not be told. */
  readonly error: string | undefined;
  readonly examples: readonly string[];
  /** Oldest first. */
  readonly runs: readonly Run[];
  /** What the next command follows; undefined: nothing. */
  readonly sessionId: string | undefined;
}

export function createAgentState(kept: Pick<AgentState, "runs" | "sessionId">): AgentState {
  return { access: "granted", services: undefined, isListing: false, error: undefined, examples: [], ...kept };
}

export function workingIn({ runs }: AgentState): Run | undefined {
  return runs.find(isWorking);
}

/** The same state when the run is not there, or the change changes nothing. */
export function changeRun(state: AgentState, runId: string, change: (run: Run) => Run): AgentState {
  const run = state.runs.find(({ id }) => id === runId);
  if (run === undefined) return state;
  const changed = change(run);
  return changed === run ? state : { ...state, runs: state.runs.map((other) => (other === run ? changed : other)) };
}
