// What the agent remembers: its questions to a person, what was done in a session, and an audit log of its calls.

import type { JsonObject } from "../contract/json.ts";

/** A plan is carried out from what is stored; an elicitation belongs to a call that its process holds open. */
export type QuestionKind = "plan" | "elicitation";
export type QuestionState = "waiting" | "approved" | "rejected" | "dropped";

export interface AgentQuestion {
  readonly id: string;
  readonly caller: string;
  readonly kind: QuestionKind;
  readonly createdAtMs: number;
  /** Not answered by then, it never will be. */
  readonly expiresAtMs: number;
  /** What goes on with the answer, for whoever wrote it. */
  readonly plan: JsonObject;
}

/** As the store has it: `plan` is gone once it is answered. */
export type KeptQuestion = Omit<AgentQuestion, "plan"> & {
  readonly state: QuestionState;
  readonly plan: JsonObject | undefined;
};

/** One call as a follow-up has to know it: shortened. */
export interface TurnCall {
  readonly server: string;
  readonly tool: string;
  /** JSON of an object. */
  readonly argumentsText: string;
  readonly outcome: string;
  readonly success: boolean;
}

export interface AgentTurn {
  readonly query: string;
  readonly calls: readonly TurnCall[];
  readonly answer: string;
}

export type CallRisk = "read" | "write" | "destructive";
/**
 * `changed`: approved with other arguments; `replaced`: its tool is not the one that was asked about; of these, and of
 * what was denied or rejected, no call was made.
 */
export type CallDecision = "unasked" | "approved" | "changed" | "rejected" | "denied" | "replaced";

export interface AuditedCall {
  readonly caller: string;
  readonly sessionId: string;
  readonly server: string;
  readonly tool: string;
  readonly risk: CallRisk;
  readonly decision: CallDecision;
  /** SHA-256 of the arguments as canonical JSON, in hexadecimal. */
  readonly argumentsDigest: string;
}

export interface AuditRecord extends AuditedCall {
  readonly createdAtMs: number;
  /** Undefined: no call was made, or it has not ended. */
  readonly durationMs: number | undefined;
  readonly success: boolean | undefined;
}

export interface AgentStore {
  ask(question: AgentQuestion): Promise<void>;
  /** Undefined: this caller has no such question. Expired ones are found until they are swept. */
  findQuestion(caller: string, id: string): Promise<KeptQuestion | undefined>;
  /** Answers a question that waits and has not expired. @returns false when somebody was faster, or it is too late */
  takeQuestion(caller: string, id: string, state: Exclude<QuestionState, "waiting">): Promise<boolean>;
  /** Writes what was done; again under the same id: as it has become. */
  rememberTurn(caller: string, sessionId: string, turnId: string, turn: AgentTurn): Promise<void>;
  /** The newest that have not expired, oldest first. */
  findTurns(caller: string, sessionId: string, limit: number): Promise<readonly AgentTurn[]>;
  /** Before a call is made. @returns what `endCall` wants */
  beginCall(call: AuditedCall): Promise<number>;
  endCall(key: number, end: { readonly durationMs: number; readonly success: boolean }): Promise<void>;
  /** Newest first. */
  listCalls(caller: string, limit: number): Promise<readonly AuditRecord[]>;
  /** Deletes what has expired. */
  sweep(): Promise<void>;
}
