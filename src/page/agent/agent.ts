// What a person can do on the agent's tab. Holds its state and asks the gateway; the views call it and draw what it holds.

import type { AgentApi, Answered } from "../gateway/agent-api.ts";
import { RequestError } from "../gateway/api.ts";
import type { Memory } from "../memory.ts";
import { createStore, type Schedule, type Store } from "../store.ts";
import { accessAfter } from "./access-after.ts";
import { type AgentState, changeRun, createAgentState, workingIn } from "./agent-state.ts";
import { decodeRuns, encodeRuns } from "./kept-runs.ts";
import { applyRunEvent, askOnceMore, createRun, decide, leftTrouble, lostCode, type RunEvent } from "./run.ts";

export interface AgentOptions {
  readonly api: AgentApi;
  readonly memory: Pick<Memory, "readAgentToken" | "saveAgentToken" | "readRuns" | "saveRuns">;
  readonly schedule: Schedule;
  createId(): string;
  nowMs(): number;
  /** Runs a task when the time has passed. */
  later(task: () => void, delayMs: number): void;
}

export interface Agent {
  readonly store: Store<AgentState>;
  /** Asks what can be done: services, their commands, examples. */
  list(): Promise<void>;
  giveToken(token: string): Promise<void>;
  /** Runs a command, as a follow-up of the last one. */
  run(query: string): void;
  /** Runs the command of an earlier run once more. */
  retry(runId: string): void;
  decide(runId: string, decision: Answered["decision"], changed?: Answered["changed"]): void;
  /** Ends what is at work. */
  stop(): void;
  /** The page may be left soon: a connection that ends now has not been lost. */
  expectLeave(): void;
  /** The page is left, and what is at work ends with that. */
  leave(): void;
  /** What follows knows nothing of what was before; the runs go out of sight. */
  begin(): void;
}

/** How long the gateway has to tell what came of a run that was stopped, in milliseconds. */
const stopPatienceMs = 3000;
const left: RunEvent = { type: "trouble", trouble: leftTrouble };

export function createAgent({ api, memory, schedule, createId, nowMs, later }: AgentOptions): Agent {
  const store = createStore(createAgentState(decodeRuns(memory.readRuns())), schedule);
  const { get, update } = store;
  let reading: AbortController | undefined;
  /** Firefox ends connections before it says that the page is left. */
  let isLeaving = false;

  const keep = () => memory.saveRuns(encodeRuns(get()));
  const tell = (runId: string, event: RunEvent) =>
    update((state) => changeRun(state, runId, (run) => applyRunEvent(run, event)));

  /** Has the page ask for a token. @returns the sentence of what was refused */
  function explain(error: unknown): RequestError {
    if (!(error instanceof RequestError)) throw error;
    if (error.status === 401) {
      const access = accessAfter(error.message, memory.readAgentToken() !== undefined);
      update((state) => ({ ...state, access }));
    }
    return error;
  }

  async function list(): Promise<void> {
    update((state) => ({ ...state, isListing: true }));
    try {
      const [services, examples] = await Promise.all([api.listServices(), api.listExamples().catch(() => [])]);
      update((state) => ({ ...state, services, examples, access: "granted", error: undefined }));
    } catch (error) {
      const { status, message } = explain(error);
      update((state) => ({ ...state, error: status === 401 ? undefined : message }));
    } finally {
      update((state) => ({ ...state, isListing: false }));
    }
  }

  /** Reads what goes on into a run. @param refuse hears of what the gateway would not do at all */
  async function follow(
    runId: string,
    open: (signal: AbortSignal, onEvent: (event: RunEvent) => void) => Promise<void>,
    refuse: (error: RequestError) => void,
  ): Promise<void> {
    const controller = new AbortController();
    reading = controller;
    isLeaving = false;
    keep();
    try {
      await open(controller.signal, (event) => hear(runId, event));
    } catch (error) {
      const refusal = explain(error);
      if (isLeaving && refusal.status === 0) tell(runId, left);
      else refuse(refusal);
    } finally {
      if (reading === controller) reading = undefined;
      tell(runId, { type: "end" });
      followSession(runId);
      keep();
      // A service may have been connected with it, or have failed.
      void list();
    }
  }

  function hear(runId: string, event: RunEvent): void {
    const isLost = event.type === "trouble" && event.trouble.code === lostCode;
    if (isLost && isLeaving) return tell(runId, left);
    // Whoever still hears something has stayed.
    isLeaving = false;
    tell(runId, event);
  }

  function followSession(runId: string): void {
    const run = get().runs.find(({ id }) => id === runId);
    if (run !== undefined) update((state) => ({ ...state, sessionId: run.sessionId }));
  }

  const fail = (runId: string) => (error: RequestError) =>
    tell(runId, { type: "trouble", trouble: { code: String(error.status), message: error.message } });

  function run(query: string): void {
    const text = query.trim();
    // One at a time: the button says so, and a key pressed twice must not act twice.
    if (text === "" || workingIn(get()) !== undefined) return;
    const id = createId();
    // Named by the page, so that it can be stopped before the gateway has said anything.
    const sessionId = get().sessionId ?? createId();
    const begun = createRun({ id, query: text, sessionId, startedAtMs: nowMs() });
    update((state) => ({ ...state, sessionId, runs: [...state.runs, begun] }));
    void follow(id, (signal, onEvent) => api.run({ query: text, sessionId }, { signal, onEvent }), fail(id));
  }

  return {
    store,
    list,
    async giveToken(token) {
      memory.saveAgentToken(token);
      await list();
    },
    run,
    retry(runId) {
      const again = get().runs.find(({ id }) => id === runId);
      if (again !== undefined) run(again.query);
    },
    decide(runId, decision, changed) {
      const waiting = get().runs.find(({ id }) => id === runId);
      if (waiting?.status !== "pending" || waiting.pending === undefined || workingIn(get()) !== undefined) return;
      const { id: confirmationId } = waiting.pending;
      update((state) => changeRun(state, runId, (run) => decide(run, decision)));
      void follow(
        runId,
        (signal, onEvent) => api.confirm({ confirmationId, decision, changed }, { signal, onEvent }),
        (error) => {
          // Nobody has taken it, so that it still waits; unless it is gone for good.
          if (error.status === 404 || error.status === 410) return fail(runId)(error);
          update((state) => changeRun(state, runId, (run) => askOnceMore(run, error.message)));
        },
      );
    },
    stop() {
      const working = workingIn(get());
      if (working === undefined || working.status === "stopping") return;
      tell(working.id, { type: "stop" });
      const stopped = reading;
      void api.cancel(working.sessionId);
      // The gateway tells what had been done. If it does not, it hears that nobody listens any more.
      later(() => stopped?.abort(), stopPatienceMs);
    },
    expectLeave() {
      isLeaving = true;
    },
    leave() {
      const working = workingIn(get());
      if (working === undefined) return;
      // Told now: there may be no later.
      tell(working.id, left);
      tell(working.id, { type: "end" });
      keep();
      reading?.abort();
    },
    begin() {
      if (workingIn(get()) !== undefined) return;
      update((state) => ({ ...state, runs: [], sessionId: undefined }));
      keep();
    },
  };
}
