// The agent's questions, turns and audit log in SQLite. A question is answered by one statement, so by one answer.

import type { Database } from "bun:sqlite";
import type { Clock } from "../../contract/clock.ts";
import type { JsonObject } from "../../contract/json.ts";
import type {
  AgentQuestion,
  AgentStore,
  AgentTurn,
  AuditedCall,
  AuditRecord,
  CallDecision,
  CallRisk,
  QuestionKind,
  QuestionState,
} from "../agent-store.ts";
import { retryWhileBusy } from "../busy-retry.ts";
import { erasureOf } from "./erasure.ts";

export interface SqliteAgentOptions {
  readonly clock: Clock;
  /** Turns that are older are expired. */
  readonly sessionTimeoutMs: number;
  /** Age at which the audit log forgets a call. @defaultValue 90 days */
  readonly auditMs?: number;
}

const defaultAuditMs = 90 * 24 * 60 * 60 * 1000;
/** How long an expired question is told from one that never was. */
const expiredKeptMs = 24 * 60 * 60 * 1000;
/** Rows of one deleting statement: it must stay short beside answers that end. */
const sweptRows = 500;

interface QuestionRow {
  readonly id: string;
  readonly caller: string;
  readonly kind: string;
  readonly state: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly plan: string | null;
}

interface CallRow {
  readonly caller: string;
  readonly sessionId: string;
  readonly createdAtMs: number;
  readonly server: string;
  readonly tool: string;
  readonly risk: string;
  readonly decision: string;
  readonly argumentsDigest: string;
  readonly durationMs: number | null;
  readonly success: number | null;
}

export function createSqliteAgent(database: Database, options: SqliteAgentOptions): AgentStore {
  const { clock, auditMs = defaultAuditMs } = options;
  const questions = prepareQuestions(database);
  const sweepTable = async (table: keyof typeof sweepTexts, beforeMs: number): Promise<void> => {
    using statement = database.prepare<unknown, [{ beforeMs: number; limit: number }]>(sweepTexts[table]);
    const sweep = () => statement.run({ beforeMs, limit: sweptRows }).changes;
    for (;;) {
      const swept = await retryWhileBusy(sweep);
      if (swept > 0) erasureOf(database).note("rows");
      if (swept < sweptRows) return;
    }
  };

  return {
    async ask({ plan, ...question }: AgentQuestion) {
      await retryWhileBusy(() => questions.ask.run({ ...question, plan: JSON.stringify(plan) }));
    },
    async findQuestion(caller, id) {
      const row = await retryWhileBusy(() => questions.find.get({ caller, id }));
      return row === null ? undefined : questionOf(row);
    },
    takeQuestion: (caller, id, state) =>
      retryWhileBusy(() => questions.take.run({ caller, id, state, nowMs: clock() }).changes > 0),
    async rememberTurn(caller, sessionId, turnId, turn) {
      const row = { caller, sessionId, turnId, nowMs: clock(), turn: JSON.stringify(turn) };
      await retryWhileBusy(() => questions.rememberTurn.run(row));
    },
    async findTurns(caller, sessionId, limit) {
      const oldestMs = clock() - options.sessionTimeoutMs;
      const rows = await retryWhileBusy(() => questions.findTurns.all({ caller, sessionId, oldestMs, limit }));
      // The cast is of a value that this file has written.
      return rows.map(({ turn }) => JSON.parse(turn) as AgentTurn).reverse();
    },
    beginCall: (call) =>
      retryWhileBusy(() => Number(questions.beginCall.run({ ...call, nowMs: clock() }).lastInsertRowid)),
    async endCall(key, { durationMs, success }) {
      const end = { key, durationMs: Math.round(durationMs), success: success ? 1 : 0 };
      await retryWhileBusy(() => questions.endCall.run(end));
    },
    async listCalls(caller, limit) {
      const rows = await retryWhileBusy(() => questions.listCalls.all({ caller, limit }));
      return rows.map(recordOf);
    },
    async sweep() {
      await sweepTable("agent_questions", clock() - expiredKeptMs);
      await sweepTable("agent_turns", clock() - options.sessionTimeoutMs);
      await sweepTable("agent_calls", clock() - auditMs);
    },
  };
}

const sweepTexts = {
  agent_questions: `DELETE FROM agent_questions WHERE question_id IN
    (SELECT question_id FROM agent_questions WHERE expires_at_ms < $beforeMs LIMIT $limit)`,
  agent_turns: `DELETE FROM agent_turns WHERE (caller, session_id, turn_id) IN
    (SELECT caller, session_id, turn_id FROM agent_turns WHERE created_at_ms < $beforeMs LIMIT $limit)`,
  agent_calls: `DELETE FROM agent_calls WHERE call_key IN
    (SELECT call_key FROM agent_calls WHERE created_at_ms < $beforeMs LIMIT $limit)`,
} as const;

type Key = { readonly caller: string; readonly id: string };
type Columns<Row> = { [Field in keyof Row]: Row[Field] };

function prepareQuestions(database: Database) {
  const ask = <Answer, Question extends Record<string, string | number>>(text: string) =>
    database.prepare<Answer, [Question]>(text);
  return {
    ask: ask<unknown, Columns<Omit<AgentQuestion, "plan">> & { plan: string }>(`
      INSERT INTO agent_questions (question_id, caller, kind, state, created_at_ms, expires_at_ms, plan)
      VALUES ($id, $caller, $kind, 'waiting', $createdAtMs, $expiresAtMs, $plan)`),
    find: ask<QuestionRow, Key>(`
      SELECT question_id AS id, caller, kind, state, created_at_ms AS createdAtMs, expires_at_ms AS expiresAtMs, plan
      FROM agent_questions WHERE question_id = $id AND caller = $caller`),
    take: ask<unknown, Key & { state: string; nowMs: number }>(`
      UPDATE agent_questions SET state = $state, plan = NULL
      WHERE question_id = $id AND caller = $caller AND state = 'waiting' AND expires_at_ms > $nowMs`),
    rememberTurn: ask<unknown, { caller: string; sessionId: string; turnId: string; nowMs: number; turn: string }>(`
      INSERT INTO agent_turns (caller, session_id, turn_id, created_at_ms, turn)
      VALUES ($caller, $sessionId, $turnId, $nowMs, $turn)
      ON CONFLICT DO UPDATE SET turn = $turn`),
    findTurns: ask<{ turn: string }, { caller: string; sessionId: string; oldestMs: number; limit: number }>(`
      SELECT turn FROM agent_turns
      WHERE caller = $caller AND session_id = $sessionId AND created_at_ms >= $oldestMs
      ORDER BY created_at_ms DESC, turn_id DESC LIMIT $limit`),
    beginCall: ask<unknown, Columns<AuditedCall> & { nowMs: number }>(`
      INSERT INTO agent_calls
        (caller, session_id, created_at_ms, server, tool, risk, decision, arguments_digest)
      VALUES ($caller, $sessionId, $nowMs, $server, $tool, $risk, $decision, $argumentsDigest)`),
    endCall: ask<unknown, { key: number; durationMs: number; success: number }>(
      "UPDATE agent_calls SET duration_ms = $durationMs, success = $success WHERE call_key = $key",
    ),
    listCalls: ask<CallRow, { caller: string; limit: number }>(`
      SELECT caller, session_id AS sessionId, created_at_ms AS createdAtMs, server, tool, risk, decision,
        arguments_digest AS argumentsDigest, duration_ms AS durationMs, success
      FROM agent_calls WHERE caller = $caller ORDER BY created_at_ms DESC, call_key DESC LIMIT $limit`),
  };
}

/** The casts are of values that this file has written. */
function questionOf({ plan, ...row }: QuestionRow) {
  return {
    ...row,
    kind: row.kind as QuestionKind,
    state: row.state as QuestionState,
    plan: plan === null ? undefined : (JSON.parse(plan) as JsonObject),
  };
}

/** The casts are of values that this file has written. */
function recordOf(row: CallRow): AuditRecord {
  return {
    ...row,
    risk: row.risk as CallRisk,
    decision: row.decision as CallDecision,
    durationMs: row.durationMs ?? undefined,
    success: row.success === null ? undefined : row.success === 1,
  };
}
