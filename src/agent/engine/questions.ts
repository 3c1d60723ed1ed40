// What waits for a person: plans in the store, and questions of servers whose calls this process holds open.

import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { JsonObject } from "../../contract/json.ts";
import { randomId } from "../../contract/random-id.ts";
import type { AgentStore, KeptQuestion } from "../../store/agent-store.ts";
import type { PendingConfirmation } from "../engine.ts";
import type { Elicitation, ElicitationAnswer } from "../tools.ts";
import { briefText } from "./clean-text.ts";
import type { Offer } from "./offer.ts";
import { plainSchema } from "./plain-schema.ts";
import type { ReadyCall } from "./read-calls.ts";
import type { Outcome, Run, StartTimer } from "./run.ts";
import type { HeldCall, RunState } from "./run-state.ts";
import type { BookedTool } from "./tool-book.ts";

export interface QuestionParts {
  readonly store: AgentStore;
  readonly clock: Clock;
  readonly startTimer: StartTimer;
  /** How long a question waits. */
  readonly expiryMs: number;
}

/** A call that a server has interrupted by a question. */
export interface OpenElicitation {
  readonly run: Run;
  readonly asked: Elicitation;
  answer(answer: ElicitationAnswer): void;
}

/** Each keeps a run and a call open. */
const mostElicitations = 64;
const maxMessageChars = 1000;

export class Questions {
  readonly #parts: QuestionParts;
  readonly #elicitations = new Map<string, OpenElicitation>();

  constructor(parts: QuestionParts) {
    this.#parts = parts;
  }

  /** Stores calls that need a person's word, with all that the run knows. */
  async hold(run: Run, offer: Offer, calls: readonly ReadyCall[]): Promise<Outcome> {
    const { state } = run;
    state.shown = offer.list();
    state.held = calls.map(({ callId, booked, input }): HeldCall => {
      const { alias, risk, verdict, tool } = booked;
      const { server, name, hash } = tool;
      return { callId, alias, server, name, hash, input, risk, isAsked: verdict === "ask" };
    });
    const id = await this.#ask(run.userId, "plan", { state: { ...state } });
    const names = calls.map(({ booked }) => briefText(booked.tool.name, 100)).join(", ");
    const pending = {
      ...this.#describe(id, calls),
      commands: calls.map(({ booked: { tool }, input }) => ({
        service: tool.server,
        command: tool.name,
        arguments: input,
      })),
    };
    return { kind: "pending", pending, answer: `Waits for your confirmation: ${names}.` };
  }

  #describe(id: string, calls: readonly Pick<ReadyCall, "booked">[]) {
    const isDestructive = calls.some(({ booked }) => booked.risk === "destructive");
    return {
      confirmation_id: id,
      risk: isDestructive ? ("destructive" as const) : ("write" as const),
      expires_at: this.#parts.clock() + this.#parts.expiryMs,
    };
  }

  async #ask(caller: string, kind: KeptQuestion["kind"], plan: JsonObject): Promise<string> {
    const createdAtMs = this.#parts.clock();
    const id = randomId();
    await this.#parts.store.ask({
      id,
      caller,
      kind,
      createdAtMs,
      expiresAtMs: createdAtMs + this.#parts.expiryMs,
      plan,
    });
    return id;
  }

  /** Ends the run's current part with the server's question, and waits for the answer of a person. */
  async elicit(run: Run, booked: BookedTool, asked: Elicitation): Promise<ElicitationAnswer> {
    // Somebody has to hear the question: a second one at the same time cannot be told.
    if (run.signal.aborted || !run.isHeard || this.#elicitations.size >= mostElicitations) return { action: "decline" };
    const clean = { message: briefText(asked.message, maxMessageChars), schema: plainSchema(asked.schema) };
    const { promise, resolve } = Promise.withResolvers<ElicitationAnswer>();
    const id = await this.#ask(run.userId, "elicitation", {});
    if (run.signal.aborted || !run.isHeard) return { action: "cancel" };
    this.#elicitations.set(id, { run, asked, answer: resolve });
    const late = (): void => run.stop("question_expired", "The run was stopped: its question was not answered in time");
    const stopTimer = this.#parts.startTimer(late, this.#parts.expiryMs);
    const leave = (): void => resolve({ action: "cancel" });
    run.signal.addEventListener("abort", leave, { once: true });
    const pending: PendingConfirmation = { ...this.#describe(id, [{ booked }]), commands: [], question: clean };
    run.end({ kind: "pending", pending, answer: clean.message });
    try {
      return await promise;
    } finally {
      stopTimer();
      run.signal.removeEventListener("abort", leave);
      this.#elicitations.delete(id);
    }
  }

  /** @throws {GatewayError} `not-found`, `gone` */
  async require(caller: string, id: string): Promise<KeptQuestion> {
    const question = await this.#parts.store.findQuestion(caller, id);
    if (question === undefined) throw new GatewayError("not-found", "Cannot confirm: there is no such question");
    if (question.state === "dropped") throw new GatewayError("gone", "Cannot confirm: the question was dropped");
    if (question.state !== "waiting") throw answered();
    if (question.expiresAtMs <= this.#parts.clock()) {
      throw new GatewayError("gone", "Cannot confirm: the question has expired; send the request once more");
    }
    return question;
  }

  /** The one who may go on. @throws {GatewayError} `gone` for everybody else */
  async take(caller: string, id: string, state: "approved" | "rejected"): Promise<void> {
    if (!(await this.#parts.store.takeQuestion(caller, id, state))) throw answered();
  }

  /** @throws {GatewayError} `gone` when the call runs no more, or in another process */
  requireOpen(id: string): OpenElicitation {
    const open = this.#elicitations.get(id);
    if (open !== undefined) return open;
    throw new GatewayError(
      "gone",
      "Cannot answer: the call that asked for it runs no more; send the request once more",
    );
  }

  async drop(caller: string, id: string): Promise<boolean> {
    if (!(await this.#parts.store.takeQuestion(caller, id, "dropped"))) return false;
    this.#elicitations.get(id)?.run.stop("cancelled", "The run was stopped: its question was dropped");
    return true;
  }
}

function answered(): GatewayError {
  return new GatewayError("gone", "Cannot confirm: the question has been answered");
}

/** The casts are of what `hold` has written. */
export function heldState(question: Pick<KeptQuestion, "plan">): RunState {
  return (question.plan as { readonly state: unknown }).state as RunState;
}
