// What a run knows, as plain data: it waits in the store while a person thinks, and goes on in any process.

import type { Message } from "../../contract/chat-request.ts";
import type { JsonObject } from "../../contract/json.ts";
import type { TurnCall } from "../../store/agent-store.ts";
import type { AgentCallResult } from "../engine.ts";
import type { Risk } from "./risk.ts";

/** A tool as it was shown to the model: under this name, and nothing but this. */
export interface ShownTool {
  readonly alias: string;
  readonly server: string;
  readonly name: string;
  readonly hash: string;
}

/** A call that waits for a person, or behind one that does. */
export interface HeldCall extends ShownTool {
  readonly callId: string;
  readonly input: JsonObject;
  readonly risk: Risk;
  readonly isAsked: boolean;
}

/** What a call comes to, for the model. */
export interface Reply {
  readonly callId: string;
  readonly text: string;
  readonly isError: boolean;
}

/** Its fields change while it runs. */
export interface RunState {
  readonly turnId: string;
  readonly sessionId: string;
  readonly query: string;
  /** Between which marks others' texts stand. */
  readonly mark: string;
  readonly model: string | undefined;
  readonly messages: Message[];
  shown: ShownTool[];
  readonly results: AgentCallResult[];
  /** The same calls for a follow-up. */
  readonly turnCalls: TurnCall[];
  /** Calls made, and calls known of. */
  calls: number;
  knownCalls: number;
  /** Answers of the model. */
  rounds: number;
  totalTokens: number;
  /** Time that it has worked, without the waiting. */
  workedMs: number;
  /** Calls of the model's last answer in their order, and what those came to that are over. */
  batch: string[];
  replies: Reply[];
  held: HeldCall[];
  /** Calls that failed and were not made up for since. */
  failed: { readonly tool: string; readonly round: number }[];
  /** Names whose arguments did not fit once: twice is enough. */
  readonly misfits: string[];
}

export function createRunState(about: Pick<RunState, "turnId" | "sessionId" | "query" | "mark" | "model">): RunState {
  return {
    ...about,
    messages: [],
    shown: [],
    results: [],
    turnCalls: [],
    calls: 0,
    knownCalls: 0,
    rounds: 0,
    totalTokens: 0,
    workedMs: 0,
    batch: [],
    replies: [],
    held: [],
    failed: [],
    misfits: [],
  };
}
