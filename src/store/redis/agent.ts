// What gateways of a shared store have to know of one another's agents: questions to a person, and what was done in a session.
// The audit log of calls stays with the machine that made them.

import type { JsonObject } from "../../contract/json.ts";
import type { AgentStore, AgentTurn, KeptQuestion, QuestionKind, QuestionState } from "../agent-store.ts";
import type { Session } from "./session.ts";

export function createRedisAgent(
  session: Session,
  audit: Pick<AgentStore, "beginCall" | "endCall" | "listCalls" | "sweep">,
): AgentStore {
  const ask = (operation: string, more: object, texts?: readonly string[]): Promise<unknown> =>
    session.ask("agent", { operation, ...more }, texts);

  return {
    async ask({ id, caller, kind, createdAtMs, expiresAtMs, plan }) {
      await ask("ask", { caller, id, kind, created: createdAtMs, expires: expiresAtMs }, [JSON.stringify(plan)]);
    },
    async findQuestion(caller, id) {
      const [kind, state, created, expires, plan] = (await ask("findQuestion", { caller, id })) as (string | null)[];
      if (!kind || !state) return undefined;
      return {
        ...{ id, caller },
        // Casts: what stands there was written above.
        kind: kind as QuestionKind,
        state: state as QuestionState,
        createdAtMs: Number(created),
        expiresAtMs: Number(expires),
        plan: plan ? (JSON.parse(plan) as JsonObject) : undefined,
      } satisfies KeptQuestion;
    },
    takeQuestion: async (caller, id, state) => (await ask("takeQuestion", { caller, id, state })) === 1,
    async rememberTurn(caller, sessionId, turnId, turn) {
      await ask("rememberTurn", { caller, session: sessionId, turn: turnId }, [JSON.stringify(turn)]);
    },
    async findTurns(caller, sessionId, limit) {
      const texts = (await ask("findTurns", { caller, session: sessionId, limit })) as (string | null)[];
      return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as AgentTurn])).reverse();
    },
    beginCall: (call) => audit.beginCall(call),
    endCall: (key, end) => audit.endCall(key, end),
    listCalls: (caller, limit) => audit.listCalls(caller, limit),
    // What is shared runs out by itself.
    sweep: () => audit.sweep(),
  };
}
