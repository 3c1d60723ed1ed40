// The typed chat's messages in SQLite: a row a message, a row a session.

import type { Database } from "bun:sqlite";
import type { Clock } from "../contract/clock.ts";
import { retryWhileBusy } from "./busy-retry.ts";
import type { BegunTurn, ChatMessage, ChatSession, ChatStore, MessageExtras, MessageStatus } from "./chat-store.ts";

export interface SqliteChatOptions {
  readonly clock: Clock;
  /** Sessions that were last changed longer ago are expired. */
  readonly sessionTimeoutMs: number;
}

interface MessageRow {
  readonly messageId: string;
  readonly parentId: string | null;
  readonly role: string;
  readonly status: string;
  readonly createdAtMs: number;
  readonly streamId: string | null;
  readonly content: string;
  readonly extras: string;
}

/** Sessions of one deleting transaction: it must stay short beside answers that end. */
const sweptSessions = 50;

const messageColumns = `message_id AS messageId, parent_id AS parentId, role, status, created_at_ms AS createdAtMs,
  stream_id AS streamId, content, extras`;
const sessionColumns = `session_id AS sessionId, title, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs,
  (SELECT count(*) FROM chat_messages m WHERE m.caller = s.caller AND m.session_id = s.session_id) AS messageCount`;

export function createSqliteChat(database: Database, { clock, sessionTimeoutMs }: SqliteChatOptions): ChatStore {
  const rememberSession = database.prepare(`
    INSERT INTO chat_sessions (caller, session_id, title, created_at_ms, updated_at_ms)
    VALUES ($caller, $sessionId, $title, $nowMs, $nowMs)
    ON CONFLICT DO UPDATE SET updated_at_ms = $nowMs`);
  const rememberMessage = database.prepare(`
    INSERT INTO chat_messages
      (caller, session_id, message_id, parent_id, role, status, created_at_ms, stream_id, content, extras)
    VALUES ($caller, $sessionId, $messageId, $parentId, $role, $status, $createdAtMs, $streamId, $content, $extras)`);
  const changeMessage = database.prepare(`
    UPDATE chat_messages SET status = $status, content = $content, extras = $extras
    WHERE caller = $caller AND session_id = $sessionId AND message_id = $messageId`);
  const changeRunning = database.prepare(`
    UPDATE chat_messages SET status = $status, content = $content, extras = $extras
    WHERE caller = $caller AND session_id = $sessionId AND message_id = $messageId AND status = 'running'`);
  const touchSession = database.prepare(
    "UPDATE chat_sessions SET updated_at_ms = $nowMs WHERE caller = $caller AND session_id = $sessionId",
  );
  const findMessages = database.prepare<MessageRow, [Key]>(`
    SELECT ${messageColumns} FROM chat_messages WHERE caller = $caller AND session_id = $sessionId
    ORDER BY created_at_ms, role DESC`);
  const findSession = database.prepare<ChatSession, [Key & { oldestMs: number }]>(`
    SELECT ${sessionColumns} FROM chat_sessions s
    WHERE caller = $caller AND session_id = $sessionId AND updated_at_ms >= $oldestMs`);
  const listSessions = database.prepare<ChatSession, [{ caller: string; oldestMs: number; limit: number }]>(`
    SELECT ${sessionColumns} FROM chat_sessions s WHERE caller = $caller AND updated_at_ms >= $oldestMs
    ORDER BY updated_at_ms DESC LIMIT $limit`);
  const forgetMessages = database.prepare(
    "DELETE FROM chat_messages WHERE caller = $caller AND session_id = $sessionId",
  );
  const forgetSession = database.prepare(
    "DELETE FROM chat_sessions WHERE caller = $caller AND session_id = $sessionId",
  );
  const findExpired = database.prepare<Key, [{ oldestMs: number; limit: number }]>(`
    SELECT caller, session_id AS sessionId FROM chat_sessions WHERE updated_at_ms < $oldestMs LIMIT $limit`);

  const oldestMs = (): number => clock() - sessionTimeoutMs;
  const sessionOf = (key: Key): ChatSession | undefined =>
    findSession.get({ ...key, oldestMs: oldestMs() }) ?? undefined;
  const beginTurn = database.transaction((caller: string, { sessionId, title, question, answer }: BegunTurn) => {
    // One that has expired and was not swept yet must not come back with what was said in it.
    if (sessionOf({ caller, sessionId }) === undefined) forgetAll({ caller, sessionId });
    rememberSession.run({ caller, sessionId, title, nowMs: clock() });
    if (question !== undefined) rememberMessage.run(rowOf(caller, sessionId, question));
    rememberMessage.run(rowOf(caller, sessionId, answer));
  });
  const endTurn = database.transaction((caller: string, sessionId: string, { id, status, ...answer }: ChatMessage) => {
    const { content, extras } = answer;
    touchSession.run({ caller, sessionId, nowMs: clock() });
    changeMessage.run({ caller, sessionId, messageId: id, status, content, extras: JSON.stringify(extras) });
  });
  const recoverTurn = ({ caller, sessionId }: Key, { id, status, content, extras }: ChatMessage): void => {
    changeRunning.run({ caller, sessionId, messageId: id, status, content, extras: JSON.stringify(extras) });
  };
  const forgetAll = (key: Key): boolean => {
    forgetMessages.run({ ...key });
    return forgetSession.run({ ...key }).changes > 0;
  };
  const forget = database.transaction(forgetAll);
  const sweep = database.transaction((oldestMs: number) => {
    const expired = findExpired.all({ oldestMs, limit: sweptSessions });
    for (const key of expired) forgetAll(key);
    return expired.length;
  });

  return {
    beginTurn: (caller, turn) => retryWhileBusy(() => beginTurn.immediate(caller, turn)),
    endTurn: (caller, sessionId, answer) => retryWhileBusy(() => endTurn.immediate(caller, sessionId, answer)),
    recoverTurn: (caller, sessionId, answer) => retryWhileBusy(() => recoverTurn({ caller, sessionId }, answer)),
    findMessages: (caller, sessionId) =>
      retryWhileBusy(() => {
        const key = { caller, sessionId };
        return sessionOf(key) === undefined ? undefined : findMessages.all(key).map(messageOf);
      }),
    findSession: (caller, sessionId) => retryWhileBusy(() => sessionOf({ caller, sessionId })),
    listSessions: (caller, limit) => retryWhileBusy(() => listSessions.all({ caller, oldestMs: oldestMs(), limit })),
    deleteSession: (caller, sessionId) => retryWhileBusy(() => forget.immediate({ caller, sessionId })),
    async sweep() {
      while ((await retryWhileBusy(() => sweep.immediate(oldestMs()))) === sweptSessions);
    },
  };
}

type Key = { readonly caller: string; readonly sessionId: string };

function rowOf(caller: string, sessionId: string, message: ChatMessage) {
  const { id, parentId, role, status, createdAtMs, streamId = null, content, extras } = message;
  return {
    caller,
    sessionId,
    messageId: id,
    parentId,
    role,
    status,
    createdAtMs,
    streamId,
    content,
    extras: JSON.stringify(extras),
  };
}

/** The casts are of values that this file has written. */
function messageOf(row: MessageRow): ChatMessage {
  return {
    id: row.messageId,
    parentId: row.parentId,
    role: row.role as ChatMessage["role"],
    content: row.content,
    status: row.status as MessageStatus,
    createdAtMs: row.createdAtMs,
    streamId: row.streamId ?? undefined,
    extras: JSON.parse(row.extras) as MessageExtras,
  };
}
