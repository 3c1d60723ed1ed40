// The typed chat's messages in SQLite: a row a message, a row a session.

import type { Database } from "bun:sqlite";
import type { Clock } from "../../contract/clock.ts";
import { retryWhileBusy } from "../busy-retry.ts";
import { erasureOf } from "./erasure.ts";
import {
  addressStartChars,
  type Attachment,
  type BegunTurn,
  type ChatMessage,
  type ChatSession,
  type ChatStore,
  type MessageExtras,
  type MessagePath,
  type MessageStatus,
} from "../chat-store.ts";
import { transactionsOf } from "./shared-transactions.ts";

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

interface AttachmentRow extends Attachment {
  readonly messageId: string;
}

/** Sessions of one deleting transaction: it must stay short beside answers that end. */
const sweptSessions = 50;

const messageColumns = `m.message_id AS messageId, m.parent_id AS parentId, m.role, m.status,
  m.created_at_ms AS createdAtMs, m.stream_id AS streamId, m.content, m.extras`;
const inSession = "caller = $caller AND session_id = $sessionId";
const sessionColumns = `session_id AS sessionId, title, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs,
  (SELECT count(*) FROM chat_messages m WHERE m.caller = s.caller AND m.session_id = s.session_id) AS messageCount`;

export function createSqliteChat(database: Database, options: SqliteChatOptions): ChatStore {
  const { clock } = options;
  const rememberSession = database.prepare(`
    INSERT INTO chat_sessions (caller, session_id, title, created_at_ms, updated_at_ms)
    VALUES ($caller, $sessionId, $title, $nowMs, $nowMs)
    ON CONFLICT DO UPDATE SET updated_at_ms = $nowMs`);
  const rememberMessage = database.prepare(`
    INSERT INTO chat_messages
      (caller, session_id, sequence, message_id, parent_id, role, status, created_at_ms, stream_id, content, extras)
    VALUES ($caller, $sessionId, (SELECT ifnull(max(sequence), 0) + 1 FROM chat_messages WHERE ${inSession}),
      $messageId, $parentId, $role, $status, $createdAtMs, $streamId, $content, $extras)`);
  const rememberAttachment = database.prepare(`
    INSERT INTO chat_attachments (caller, session_id, message_id, position, name, address_start, url)
    VALUES ($caller, $sessionId, $messageId, $position, $name, substr($url, 1, ${addressStartChars}), $url)`);
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
    SELECT ${messageColumns} FROM chat_messages m WHERE ${inSession} ORDER BY sequence`);
  const findMessage = database.prepare<MessageRow, [Key & { messageId: string }]>(`
    SELECT ${messageColumns} FROM chat_messages m WHERE ${inSession} AND message_id = $messageId`);
  const findNewest = database.prepare<{ messageId: string }, [Key]>(`
    SELECT message_id AS messageId FROM chat_messages WHERE ${inSession} ORDER BY sequence DESC LIMIT 1`);
  const findFirst = database.prepare<{ extras: string }, [Key]>(`
    SELECT extras FROM chat_messages WHERE ${inSession} ORDER BY sequence LIMIT 1`);
  // Whoever follows a message was written behind it, so that there are no circles to be walked for ever. CROSS JOIN: each is found
  // by its id, where SQLite would walk all that were written before the one that follows it.
  const findPath = database.prepare<MessageRow, [Key & { messageId: string }]>(`
    WITH RECURSIVE path (message_id, parent_id, sequence) AS (
      SELECT message_id, parent_id, sequence FROM chat_messages WHERE ${inSession} AND message_id = $messageId
      UNION ALL
      SELECT before.message_id, before.parent_id, before.sequence
      FROM path CROSS JOIN chat_messages before
        ON before.caller = $caller AND before.session_id = $sessionId AND before.message_id = path.parent_id
        AND before.sequence < path.sequence)
    SELECT ${messageColumns} FROM path CROSS JOIN chat_messages m
      ON m.caller = $caller AND m.session_id = $sessionId AND m.message_id = path.message_id
    ORDER BY path.sequence`);
  const findAttachments = database.prepare<Attachment, [Key & { messageId: string }]>(`
    SELECT name, url FROM chat_attachments WHERE ${inSession} AND message_id = $messageId ORDER BY position`);
  const listAttachments = database.prepare<AttachmentRow, [Key]>(`
    SELECT message_id AS messageId, name, address_start AS url
    FROM chat_attachments WHERE ${inSession} ORDER BY message_id, position`);
  const listStreams = database.prepare<{ streamId: string }, [Key]>(`
    SELECT stream_id AS streamId FROM chat_messages WHERE ${inSession} AND stream_id IS NOT NULL`);
  const findSession = database.prepare<ChatSession, [Key & { oldestMs: number }]>(`
    SELECT ${sessionColumns} FROM chat_sessions s
    WHERE caller = $caller AND session_id = $sessionId AND updated_at_ms >= $oldestMs`);
  const findChange = database.prepare<{ updatedAtMs: number }, [Key]>(
    `SELECT updated_at_ms AS updatedAtMs FROM chat_sessions WHERE ${inSession}`,
  );
  const listSessions = database.prepare<ChatSession, [{ caller: string; oldestMs: number; limit: number }]>(`
    SELECT ${sessionColumns} FROM chat_sessions s WHERE caller = $caller AND updated_at_ms >= $oldestMs
    ORDER BY updated_at_ms DESC LIMIT $limit`);
  const forgetMessages = database.prepare(`DELETE FROM chat_messages WHERE ${inSession}`);
  const forgetAttachments = database.prepare(`DELETE FROM chat_attachments WHERE ${inSession}`);
  const forgetSession = database.prepare(`DELETE FROM chat_sessions WHERE ${inSession}`);
  const findExpired = database.prepare<Key, [{ oldestMs: number; limit: number }]>(`
    SELECT caller, session_id AS sessionId FROM chat_sessions WHERE updated_at_ms < $oldestMs LIMIT $limit`);

  const transactions = transactionsOf(database);
  const erasure = erasureOf(database);
  const oldestMs = (): number => clock() - options.sessionTimeoutMs;
  const sessionOf = (key: Key): ChatSession | undefined =>
    findSession.get({ ...key, oldestMs: oldestMs() }) ?? undefined;
  const beginTurn = (caller: string, { sessionId, title, question, answer }: BegunTurn): void => {
    const key = { caller, sessionId };
    const change = findChange.get(key);
    // One that has expired and was not swept yet must not come back with what was said in it.
    if (change !== null && change.updatedAtMs < oldestMs()) forgetAll(key);
    rememberSession.run({ ...key, title, nowMs: clock() });
    if (question !== undefined) remember(key, question);
    remember(key, answer);
  };
  const remember = (key: Key, message: ChatMessage): void => {
    rememberMessage.run(rowOf(key, message));
    for (const [position, { name, url }] of (message.extras.attachments ?? []).entries()) {
      rememberAttachment.run({ ...key, messageId: message.id, position, name, url });
    }
  };
  /** With its attachments. */
  const wholeOf = (key: Key, row: MessageRow): ChatMessage =>
    messageOf(row, findAttachments.all({ ...key, messageId: row.messageId }));
  const allOf = (key: Key): ChatMessage[] => {
    const attachments = Map.groupBy(listAttachments.all(key), ({ messageId }) => messageId);
    return findMessages.all(key).map((row) =>
      messageOf(
        row,
        (attachments.get(row.messageId) ?? []).map(({ name, url }) => ({ name, url })),
      ),
    );
  };
  const pathOf = (key: Key, asked: string | null | undefined): MessagePath => {
    if (sessionOf(key) === undefined) return { messages: [], newestId: undefined, continuesElsewhere: false };
    const newestId = findNewest.get(key)?.messageId;
    const first = findFirst.get(key)?.extras;
    const messageId = asked === undefined ? newestId : (asked ?? undefined);
    const rows = messageId === undefined ? [] : findPath.all({ ...key, messageId });
    return {
      messages: rows.map((row) => wholeOf(key, row)),
      newestId,
      continuesElsewhere: first !== undefined && extrasOf(first).continuesElsewhere === true,
    };
  };
  const endTurn = (key: Key, { id, status, content, extras }: ChatMessage): void => {
    touchSession.run({ ...key, nowMs: clock() });
    changeMessage.run({ ...key, messageId: id, status, content, extras: JSON.stringify(extras) });
  };
  const recoverTurn = ({ caller, sessionId }: Key, { id, status, content, extras }: ChatMessage): void => {
    changeRunning.run({ caller, sessionId, messageId: id, status, content, extras: JSON.stringify(extras) });
  };
  const forgetAll = (key: Key): boolean => {
    forgetMessages.run({ ...key });
    forgetAttachments.run({ ...key });
    return forgetSession.run({ ...key }).changes > 0;
  };
  const forget = database.transaction(forgetAll);
  const sweep = database.transaction((oldestMs: number) => {
    const expired = findExpired.all({ oldestMs, limit: sweptSessions });
    for (const key of expired) forgetAll(key);
    return expired.length;
  });

  return {
    beginTurn: (caller, turn) => transactions.write(() => beginTurn(caller, turn)),
    endTurn: (caller, sessionId, answer) => transactions.write(() => endTurn({ caller, sessionId }, answer)),
    recoverTurn: (caller, sessionId, answer) => retryWhileBusy(() => recoverTurn({ caller, sessionId }, answer)),
    findMessages: (caller, sessionId) =>
      retryWhileBusy(() => {
        const key = { caller, sessionId };
        return sessionOf(key) === undefined ? undefined : allOf(key);
      }),
    findPath: (caller, sessionId, messageId) => retryWhileBusy(() => pathOf({ caller, sessionId }, messageId)),
    findMessage: (caller, sessionId, messageId) =>
      retryWhileBusy(() => {
        const key = { caller, sessionId };
        const row = sessionOf(key) === undefined ? null : findMessage.get({ ...key, messageId });
        return row === null ? undefined : wholeOf(key, row);
      }),
    listStreams: (caller, sessionId) =>
      retryWhileBusy(() => listStreams.all({ caller, sessionId }).map(({ streamId }) => streamId)),
    findSession: (caller, sessionId) => retryWhileBusy(() => sessionOf({ caller, sessionId })),
    listSessions: (caller, limit) => retryWhileBusy(() => listSessions.all({ caller, oldestMs: oldestMs(), limit })),
    async deleteSession(caller, sessionId) {
      const wasThere = await retryWhileBusy(() => forget.immediate({ caller, sessionId }));
      erasure.note("rows");
      return wasThere;
    },
    async sweep() {
      for (;;) {
        const swept = await retryWhileBusy(() => sweep.immediate(oldestMs()));
        if (swept > 0) erasure.note("rows");
        if (swept < sweptSessions) return;
      }
    },
  };
}

type Key = { readonly caller: string; readonly sessionId: string };

function rowOf(key: Key, message: ChatMessage) {
  const { id, parentId, role, status, createdAtMs, streamId = null, content } = message;
  const { attachments: _, ...extras } = message.extras;
  return {
    ...key,
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
function messageOf(row: MessageRow, attachments: readonly Attachment[]): ChatMessage {
  return {
    id: row.messageId,
    parentId: row.parentId,
    role: row.role as ChatMessage["role"],
    content: row.content,
    status: row.status as MessageStatus,
    createdAtMs: row.createdAtMs,
    streamId: row.streamId ?? undefined,
    extras: { ...extrasOf(row.extras), ...(attachments.length > 0 && { attachments }) },
  };
}

function extrasOf(json: string): MessageExtras {
  return JSON.parse(json) as MessageExtras;
}
