// One run while it works: its clock, its progress, and the one result that whoever waits for it gets. What it does is act.ts.

import type { Access } from "../../contract/access.ts";
import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { randomId } from "../../contract/random-id.ts";
import { orAborted } from "../../outbound/or-aborted.ts";
import type { Log } from "../../telemetry/log.ts";
import type { AgentCallResult, AgentProgress, AgentResult, PendingConfirmation, RunOptions } from "../engine.ts";
import type { Failure, FailureCode } from "./failure.ts";
import type { RunState } from "./run-state.ts";

export type Outcome =
  | { readonly kind: "answered"; readonly answer: string }
  | { readonly kind: "clarification"; readonly question: string }
  | { readonly kind: "pending"; readonly pending: PendingConfirmation; readonly answer: string }
  | { readonly kind: "failed"; readonly failure: Failure; readonly answer?: string };

/** Starts a wait. @returns what ends it before its time */
export type StartTimer = (action: () => void, delayMs: number) => () => void;

export interface RunParts {
  readonly clock: Clock;
  readonly startTimer: StartTimer;
  /** Longest work between a request and its result. */
  readonly timeoutMs: number;
  readonly log: Log;
}

/** A call that has no outcome yet. */
export type BegunCall = Pick<AgentCallResult, "service" | "command" | "arguments">;

/** Somebody who waits for a result. A run that asks a person has one after the other. */
interface Listener {
  readonly resolve: (result: AgentResult) => void;
  readonly onProgress: ((progress: AgentProgress) => void) | undefined;
  readonly startedAtMs: number;
  /** Stops its clock, and no longer hears its signal. */
  release(): void;
}

export class Run {
  readonly userId: string;
  readonly requestId: string;
  readonly access: Access | undefined;
  readonly state: RunState;
  /** Of its questions to the model. Another after a wait for a person: the one before may be forgotten at this moment. */
  readonly conversation = randomId();
  readonly #parts: RunParts;
  readonly #stopping = new AbortController();
  readonly #callsUnderWay = new Set<{ readonly call: BegunCall; readonly startedAtMs: number }>();
  #listener: Listener | undefined;
  /** Of whoever waits for one. */
  #heard: PromiseWithResolvers<void> | undefined;
  #lastProgressMs = 0;

  constructor(userId: string, { requestId = randomId(), access }: RunOptions, state: RunState, parts: RunParts) {
    this.userId = userId;
    this.requestId = requestId;
    this.access = access;
    this.state = state;
    this.#parts = parts;
  }

  /** Aborted when the run is stopped: everything that it waits for ends then. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Whether this is what ended its waits when it was stopped. */
  isStoppedBy(error: unknown): error is Error {
    return this.signal.aborted && error instanceof Error && error === this.signal.reason;
  }

  get isHeard(): boolean {
    return this.#listener !== undefined;
  }

  /**
   * Resolves when somebody listens: a server that has asked a person may end its call without the answer.
   * @throws the reason of its signal
   */
  async untilHeard(): Promise<void> {
    if (this.isHeard) return;
    this.#heard ??= Promise.withResolvers<void>();
    await orAborted(this.#heard.promise, this.signal);
  }

  /** From now on its clock runs. @returns the result: of the end, or of the next question */
  listen({ signal, onProgress, streaming = true }: RunOptions): Promise<AgentResult> {
    const { promise, resolve } = Promise.withResolvers<AgentResult>();
    const { clock, startTimer, timeoutMs } = this.#parts;
    const leave = (): void => {
      const { reason }: { reason?: unknown } = signal ?? {};
      const why = reason instanceof GatewayError ? reason.message : "nobody waits for it any more";
      this.stop("cancelled", `The run was stopped: ${why}`);
    };
    const late = (): void => this.stop("timeout", `The run was stopped: it took longer than ${timeoutMs / 1000} s`);
    const stopTimer = startTimer(late, timeoutMs);
    signal?.addEventListener("abort", leave, { once: true });
    this.#listener = {
      resolve,
      onProgress: streaming ? onProgress : undefined,
      startedAtMs: clock(),
      release() {
        stopTimer();
        signal?.removeEventListener("abort", leave);
      },
    };
    this.#heard?.resolve();
    this.#heard = undefined;
    if (signal?.aborted) leave();
    // Its question was being answered when it was stopped: nothing else would end it.
    if (this.signal.aborted)
      this.end({ kind: "failed", failure: { code: "cancelled", message: "The run was stopped" } });
    return promise;
  }

  /** Nothing when nobody listens. */
  progress(type: AgentProgress["type"], message: string): void {
    const { onProgress } = this.#listener ?? {};
    if (onProgress === undefined) return;
    // The system's clock may be set back.
    this.#lastProgressMs = Math.max(this.#lastProgressMs, this.#parts.clock());
    try {
      onProgress({ type, message, timestamp: this.#lastProgressMs });
    } catch (error) {
      // Whoever listens badly must not end the work.
      this.#parts.log.error("A listener of the agent's progress failed", { requestId: this.requestId }, error);
    }
  }

  /** Notes a call, so that a run that is stopped meanwhile tells of it. @returns what says that it is over */
  noteCall(call: BegunCall): () => void {
    const noted = { call, startedAtMs: this.#parts.clock() };
    this.#callsUnderWay.add(noted);
    return () => this.#callsUnderWay.delete(noted);
  }

  /** Gives the result, unless it has been given. */
  end(outcome: Outcome): void {
    const listener = this.#listener;
    if (listener === undefined) return;
    this.#listener = undefined;
    listener.release();
    const nowMs = this.#parts.clock();
    this.state.workedMs += Math.max(0, nowMs - listener.startedAtMs);
    const { results, workedMs, sessionId } = this.state;
    listener.resolve({
      success: outcome.kind !== "failed",
      totalExecutionTime: Math.round(workedMs),
      // A call that waits for a person goes on later.
      results: outcome.kind === "failed" ? [...results, ...this.#unfinished(nowMs)] : [...results],
      ...tell(outcome),
      session_id: sessionId,
    });
  }

  /** Ends it at once, whatever it waits for. */
  stop(code: FailureCode, message: string): void {
    if (this.signal.aborted) return;
    this.end({ kind: "failed", failure: { code, message } });
    this.#stopping.abort(new DOMException(message, code === "timeout" ? "TimeoutError" : "AbortError"));
  }

  /** Behind the result nothing goes on: calls beside the one that made the run fail are stopped. */
  stopRest(): void {
    if (this.#callsUnderWay.size > 0) this.#stopping.abort(new DOMException("The run has failed", "AbortError"));
  }

  #unfinished(nowMs: number) {
    return [...this.#callsUnderWay].map(({ call, startedAtMs }) => ({
      ...call,
      success: false,
      error: "Stopped before it ended",
      durationMs: Math.max(0, nowMs - startedAtMs),
    }));
  }
}

function tell(outcome: Outcome) {
  switch (outcome.kind) {
    case "answered":
      return { answer: outcome.answer };
    case "clarification":
      return { needsClarification: true, clarificationQuestion: outcome.question };
    case "pending":
      return { answer: outcome.answer, pending: outcome.pending };
    case "failed":
      return { ...(outcome.answer === undefined ? {} : { answer: outcome.answer }), error: outcome.failure };
  }
}
