// The commands, one beneath the other, or what one can do where there are none.

import { useLayoutEffect } from "preact/hooks";
import type { Agent } from "../../agent/agent.ts";
import { type AgentState, workingIn } from "../../agent/agent-state.ts";
import { TranscriptFrame } from "../transcript-frame.tsx";
import { useEndInSight } from "../use-end-in-sight.ts";
import { RunView } from "./run-view.tsx";
import { SetupHelp } from "./setup-help.tsx";

export interface RunsProps {
  readonly agent: Agent;
  readonly state: AgentState;
  /** Puts a command into the field, where it can be changed before it is run. */
  readonly onWrite: (command: string) => void;
  /** Something was begun by a button that is gone with it: the focus needs a place. */
  readonly onAct: () => void;
}

/** More than any screen shows. */
const nearRuns = 6;

export function Runs({ agent, state, onWrite, onAct }: RunsProps) {
  if (state.runs.length > 0) return <RunList agent={agent} state={state} onAct={onAct} />;
  return (
    <TranscriptFrame label="Commands">
      <Opening state={state} onList={agent.list} onWrite={onWrite} />
    </TranscriptFrame>
  );
}

function RunList({ agent, state, onAct }: Omit<RunsProps, "onWrite">) {
  const end = useEndInSight();
  const { runs } = state;
  const last = runs.at(-1);
  const isBusy = workingIn(state) !== undefined;
  // What one has just ordered is to be seen, wherever one was.
  useLayoutEffect(end.goToEnd, [last?.id]);

  const thenAct =
    <Values extends readonly unknown[]>(act: (...values: Values) => void) =>
    (...values: Values) => {
      act(...values);
      onAct();
    };

  return (
    <TranscriptFrame label="Commands" end={end}>
      {runs.map((run, position) => (
        <RunView
          key={run.id}
          run={run}
          isLast={run === last}
          isBusy={isBusy}
          isNear={position >= runs.length - nearRuns}
          onRetry={thenAct(agent.retry)}
          onDecide={thenAct(agent.decide)}
          onAnswer={thenAct(agent.run)}
        />
      ))}
    </TranscriptFrame>
  );
}

interface OpeningProps {
  readonly state: AgentState;
  readonly onList: () => Promise<void>;
  readonly onWrite: (command: string) => void;
}

function Opening({ state: { access, services, error, examples }, onList, onWrite }: OpeningProps) {
  if (access === "off" || services?.length === 0) return <SetupHelp />;
  if (error !== undefined) {
    return (
      <div class="opening">
        <p role="alert">{error}</p>
        <button type="button" class="secondary" onClick={() => void onList()}>
          Try again
        </button>
      </div>
    );
  }
  return (
    <div class="opening">
      <h2>What should be done?</h2>
      <p class="faint">
        Say it in plain words. The agent finds the commands for it, shows each step, and asks before anything risky.
      </p>
      {access === "granted" && services === undefined && <p class="faint">Looking for services…</p>}
      {examples.length > 0 && (
        <>
          <h3 class="examples-title">Examples, to begin with</h3>
          <ul class="follow-ups examples" aria-label="Examples">
            {examples.map((example) => (
              <li key={example}>
                <button type="button" class="follow-up" onClick={() => onWrite(example)}>
                  {example}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
