// What the SQLite driver asks its database, as SQL. Every question that a turn asks is answered by an index,
// however long the table is (test/unit/store/sqlite/question-texts.test.ts reads the query plans).
//
// Where a table has partial indexes, parameters are compared behind a sign: SQLite compiles a question anew whenever a
// bare one changes that could decide whether such an index serves, which takes 50 to 240 us in place of 1 to 10.

import { passingMark } from "../passing-session.ts";

/** A turn's number is that of its conversation, shifted by so many bits, plus its place in it. */
export const turnBits = 20;

/**
 * Last accesses are found by spans of so many bits of milliseconds, two minutes: shorter ones move with every turn, in
 * longer ones there is more to be sorted where sessions are listed.
 */
const spanBits = 17;

const eachCaller = `
    WITH RECURSIVE callers (caller) AS (
      SELECT MIN(caller) FROM conversations
      UNION ALL SELECT (SELECT MIN(conversations.caller) FROM conversations WHERE conversations.caller > callers.caller)
      FROM callers WHERE callers.caller IS NOT NULL)`;

const conversationView = `
  public_id AS conversationId, upstream, account, chat_id AS chatId, node_id AS nodeId, parent_id AS parentId,
  response_id AS responseId, model, message_count AS messageCount, created_at_ms AS createdAtMs,
  last_accessed_ms AS lastAccessedMs`;

/** Of a turn: where a claim on it attaches. */
const turnPosition = `
  turns.id AS turnId, conversations.id AS conversationKey, conversations.public_id AS conversationId,
  conversations.session_id AS sessionId, turns.upstream, turns.account, turns.chat_id AS chatId,
  turns.node_id AS nodeId, turns.parent_id AS parentId, turns.response_id AS responseId,
  turns.message_count AS messageCount, turns.system_hashes AS systemHashes, turns.tool_hashes AS toolHashes`;

const leased = (table: "turns" | "conversations", afterParameter: "$leasedAfterMs" | "$nowMs") => `
  EXISTS (SELECT 1 FROM leases WHERE leases.upstream = ${table}.upstream AND leases.account = ${table}.account
    AND leases.chat_id = ${table}.chat_id AND leases.leased_until_ms > ${afterParameter})`;

/** CROSS JOIN keeps the order of the tables: the index on turns decides, its conversation is looked up. */
const turnsBy = (index: "turns_by_fingerprint" | "turns_by_hint" | "turns_by_loose") => `
  turns INDEXED BY ${index} CROSS JOIN conversations ON conversations.id = turns.id >> ${turnBits}`;

/** A turn without a node has nothing to attach to; one of an expired conversation waits for the sweep. */
const continuable = `
  turns.node_id IS NOT NULL AND conversations.caller = +$caller AND conversations.last_accessed_ms >= +$oldestMs
    AND NOT ${leased("turns", "$leasedAfterMs")}`;

/** The indexes hold the beginnings of these hashes alone. */
const begins = (column: "fingerprint" | "loose" | "system_key", value: string, length: 8 | 16) => `
  SUBSTR(turns.${column}, 1, ${length}) = SUBSTR(${value}, 1, ${length}) AND turns.${column} = +${value}`;
const ofFingerprint = begins("fingerprint", "$fingerprint", 16);
const ofSystem = begins("system_key", "$systemKey", 8);

const freshFirst = "ORDER BY turns.continued, turns.created_at_ms DESC, turns.id DESC LIMIT 1";

/** With equal system blocks, by whether they were said in a named session. */
const equalSystem = (inNamedSession: 0 | 1) => `
  SELECT 3, turns.continued, turns.created_at_ms, ${turnPosition} FROM ${turnsBy("turns_by_fingerprint")}
  WHERE ${ofFingerprint} AND ${ofSystem}
    AND (turns.session_hint IS NOT NULL) = ${inNamedSession} AND ${continuable}
  ${freshFirst}`;

const headPosition = `
  turns.id AS turnId, conversations.id AS conversationKey, conversations.public_id AS conversationId,
  conversations.session_id AS sessionId, conversations.upstream, conversations.account,
  conversations.chat_id AS chatId, conversations.node_id AS nodeId, conversations.parent_id AS parentId,
  conversations.response_id AS responseId, conversations.message_count AS messageCount,
  COALESCE(turns.system_hashes, '[]') AS systemHashes, COALESCE(turns.tool_hashes, '[]') AS toolHashes`;

const headTurn = `
  LEFT JOIN turns ON turns.id = (conversations.id << ${turnBits}) + conversations.head_turn`;

const ofSession = `
  conversations.caller = +$caller AND conversations.session_id = +$sessionId
    AND conversations.last_accessed_ms >= +$oldestMs`;

const newestFirst = "ORDER BY conversations.last_accessed_ms DESC, conversations.id DESC";

export const questionTexts = {
  /** Which of many prefixes have turns at all, longest first: most histories are asked about in vain. */
  findKnownPrefixes: `
    SELECT key AS prefixIndex FROM json_each($prefixes) AS prefix
    WHERE EXISTS (SELECT 1 FROM turns INDEXED BY turns_by_fingerprint
        WHERE ${begins("fingerprint", "(prefix.value ->> 'strict')", 16)})
      OR EXISTS (SELECT 1 FROM turns INDEXED BY turns_by_loose
        WHERE ${begins("loose", "(prefix.value ->> 'loose')", 16)} AND turns.session_hint = +$sessionHint)
    ORDER BY key`,

  /** The best turn with this fingerprint and equal system blocks: of no session, not yet continued, the newest. */
  findTurn: `
    SELECT ${turnPosition} FROM ${turnsBy("turns_by_fingerprint")}
    WHERE ${ofFingerprint} AND ${ofSystem} AND ${continuable}
    ORDER BY turns.session_hint IS NOT NULL, turns.continued, turns.created_at_ms DESC, turns.id DESC LIMIT 1`,

  /**
   * The best turn with this fingerprint for a request that names its session: of that session with equal system blocks;
   * else of that session; else with equal system blocks alone. Then not yet continued, then the newest.
   */
  findHintedTurn: `
    SELECT * FROM (
      SELECT 1 AS preference, turns.continued AS continued, turns.created_at_ms AS createdAtMs, ${turnPosition}
      FROM ${turnsBy("turns_by_hint")}
      WHERE ${ofFingerprint} AND turns.session_hint = +$sessionHint
        AND ${ofSystem} AND ${continuable}
      ${freshFirst})
    UNION ALL SELECT * FROM (
      SELECT 2, turns.continued, turns.created_at_ms, ${turnPosition} FROM ${turnsBy("turns_by_hint")}
      WHERE ${ofFingerprint} AND turns.session_hint = +$sessionHint AND ${continuable}
      ${freshFirst})
    UNION ALL SELECT * FROM (${equalSystem(0)})
    UNION ALL SELECT * FROM (${equalSystem(1)})
    ORDER BY preference, continued, createdAtMs DESC, turnId DESC LIMIT 1`,

  findLooseTurn: `
    SELECT ${turnPosition} FROM ${turnsBy("turns_by_loose")}
    WHERE ${begins("loose", "$loose", 16)} AND turns.session_hint = +$sessionHint AND turns.last_turn = +$lastTurn AND ${continuable}
    ORDER BY turns.system_key = +$systemKey DESC, turns.continued, turns.created_at_ms DESC, turns.id DESC LIMIT 1`,

  /**
   * A title request under the same session name is newer than the conversation of a thin client, and not its head.
   * Where no client has named the session, many conversations may have begun with the same words: the last of them count.
   */
  findHead: `
    SELECT * FROM (SELECT 1 AS preference, ${headPosition}
      FROM conversations INDEXED BY conversations_by_head ${headTurn}
      WHERE ${ofSession} AND conversations.by_head = 1
      ${newestFirst} LIMIT 1)
    UNION ALL SELECT * FROM (SELECT 2, ${headPosition}
      FROM (SELECT id AS last_id FROM conversations INDEXED BY conversations_by_session
        WHERE caller = +$caller AND session_id = +$sessionId ORDER BY id DESC LIMIT 100)
      CROSS JOIN conversations ON conversations.id = last_id ${headTurn}
      WHERE ${ofSession}
      ${newestFirst} LIMIT 1)
    ORDER BY preference LIMIT 1`,

  findLease: `
    SELECT leased_until_ms AS leasedUntilMs, ready_at_ms AS readyAtMs, reply_node_id AS replyNodeId,
      reply_parent_id AS replyParentId, reply_response_id AS replyResponseId
    FROM leases WHERE upstream = $upstream AND account = $account AND chat_id = $chatId`,

  takeLease: `
    INSERT OR REPLACE INTO leases (upstream, account, chat_id, conversation_id, claim_id, owner_host, owner_pid,
      owner_started_ms, leased_until_ms, ready_at_ms)
    VALUES ($upstream, $account, $chatId, $conversationKey, $claimId, $ownerHost, $ownerPid, $ownerStartedMs,
      $leasedUntilMs, 0)`,

  noteReply: `
    UPDATE leases SET reply_node_id = $nodeId, reply_parent_id = $parentId, reply_response_id = $responseId
    WHERE upstream = $upstream AND account = $account AND chat_id = $chatId AND claim_id = $claimId`,

  renewLease: `
    UPDATE leases SET leased_until_ms = $leasedUntilMs
    WHERE upstream = $upstream AND account = $account AND chat_id = $chatId AND claim_id = $claimId`,

  /** A chat that is at rest needs no row. */
  endLease: `
    DELETE FROM leases
    WHERE upstream = $upstream AND account = $account AND chat_id = $chatId AND claim_id = $claimId`,

  settleLease: `
    UPDATE leases SET claim_id = NULL, leased_until_ms = 0, ready_at_ms = $readyAtMs, reply_node_id = NULL,
      reply_parent_id = NULL, reply_response_id = NULL
    WHERE upstream = $upstream AND account = $account AND chat_id = $chatId AND claim_id = $claimId`,

  /** Unlike an ending, this keeps the noted reply for the next claim. */
  abandonLease: `
    UPDATE leases SET claim_id = NULL, leased_until_ms = 0
    WHERE upstream = $upstream AND account = $account AND chat_id = $chatId AND claim_id = $claimId`,

  findLeaseOwners: `
    SELECT DISTINCT owner_host AS ownerHost, owner_pid AS ownerPid, owner_started_ms AS ownerStartedMs
    FROM leases WHERE leased_until_ms > $nowMs`,

  abandonLeasesOf: `
    UPDATE leases SET claim_id = NULL, leased_until_ms = 0
    WHERE owner_host = $ownerHost AND owner_pid = $ownerPid AND owner_started_ms = $ownerStartedMs`,

  deleteIdleLeases: `
    DELETE FROM leases WHERE leased_until_ms <= $nowMs AND (
      ready_at_ms <= $nowMs AND reply_node_id IS NULL AND reply_response_id IS NULL
      OR NOT EXISTS (SELECT 1 FROM conversations WHERE conversations.id = leases.conversation_id))`,

  createConversation: `
    INSERT INTO conversations (public_id, caller, session_id, upstream, account, chat_id, node_id, parent_id,
      response_id, head_turn, model, message_count, by_head, may_share_chat, created_at_ms, last_accessed_ms,
      accessed_span)
    VALUES ($publicId, $caller, $sessionId, $upstream, $account, $chatId, $nodeId, $parentId, $responseId, $headTurn,
      $model, $messageCount, $byHead, $mayShareChat, $createdAtMs, $nowMs, $nowMs >> ${spanBits})`,

  /** A chat whose first turn failed serves its repetition: the conversation that came to nothing makes room. */
  forgetUnanswered: `
    DELETE FROM conversations WHERE id IN (
      SELECT id FROM conversations INDEXED BY conversations_by_chat
      WHERE chat_id = $chatId AND account = $account AND upstream = $upstream AND caller = $caller
        AND may_share_chat = 1 AND head_turn IS NULL AND NOT ${leased("conversations", "$nowMs")})`,

  /** With whether it is in this chat, whether it is found by the present span, and whether the turn that is continued has been continued before. */
  findConversation: `
    SELECT head_turn AS headTurn, message_count AS messageCount,
      chat_id = $chatId AND account = $account AND upstream = $upstream AS isInChat,
      accessed_span = $nowMs >> ${spanBits} AS isInSpan,
      (SELECT continued FROM turns WHERE id = $baseTurnId) AS baseContinued
    FROM conversations WHERE id = $conversationKey AND public_id = $publicId`,

  touchConversation: `
    UPDATE conversations SET last_accessed_ms = $nowMs, accessed_span = $nowMs >> ${spanBits}
    WHERE id = $conversationKey AND public_id = $publicId`,

  touchHead: `
    UPDATE conversations SET last_accessed_ms = $nowMs, accessed_span = $nowMs >> ${spanBits}, by_head = 1
    WHERE id = $conversationKey`,

  countConversationsInChat: `
    SELECT COUNT(*) AS count FROM conversations INDEXED BY conversations_by_chat
    WHERE chat_id = $chatId AND account = $account AND upstream = $upstream AND may_share_chat = 1`,

  markShared: "UPDATE conversations SET may_share_chat = 1 WHERE id = $conversationKey",

  /** An empty chat takes the place of one that is gone. */
  replaceChat: `
    UPDATE conversations SET upstream = $upstream, account = $account, chat_id = $chatId, node_id = NULL,
      parent_id = NULL, response_id = NULL, head_turn = NULL, model = $model, message_count = $messageCount,
      may_share_chat = 1, last_accessed_ms = $nowMs, accessed_span = $nowMs >> ${spanBits}
    WHERE id = $conversationKey`,

  /** Of a turn that goes on in the chat that was replaced already. */
  returnToChat: `
    UPDATE conversations SET upstream = $upstream, account = $account, chat_id = $chatId, may_share_chat = 1
    WHERE id = $conversationKey`,

  /** The span is left where it is: SQLite writes the pages of an index even when the new value is the old one. */
  moveHead: `
    UPDATE conversations SET node_id = $nodeId, parent_id = $parentId, response_id = $responseId, head_turn = $headTurn,
      model = $model, message_count = $messageCount, last_accessed_ms = $nowMs
    WHERE id = $conversationKey`,

  moveSpan: `UPDATE conversations SET accessed_span = $nowMs >> ${spanBits} WHERE id = $conversationKey`,

  rememberTurn: `
    INSERT INTO turns (id, fingerprint, loose, last_turn, session_hint, system_key, system_hashes, tool_hashes, upstream,
      account, chat_id, node_id, parent_id, response_id, model, message_count, created_at_ms)
    VALUES ($turnId, $fingerprint, $loose, $lastTurn, $sessionHint, $systemKey, $systemHashes, $toolHashes, $upstream,
      $account, $chatId, $nodeId, $parentId, $responseId, $model, $messageCount, $nowMs)`,

  findLastTurn: `
    SELECT MAX(id) AS turnId FROM turns
    WHERE id BETWEEN $conversationKey << ${turnBits} AND (($conversationKey + 1) << ${turnBits}) - 1`,

  markContinued: "UPDATE turns SET continued = 1 WHERE id = $turnId",

  findSession: `
    SELECT session_id AS sessionId, ${conversationView}
    FROM conversations INDEXED BY conversations_by_session
    WHERE caller = +$caller AND session_id = +$sessionId AND last_accessed_ms >= +$oldestMs
    ORDER BY last_accessed_ms DESC, id DESC`,

  /** One step of the index a caller, as below. */
  listCallers: `
    WITH RECURSIVE callers (caller) AS (
      SELECT MIN(caller) FROM conversations
      UNION ALL SELECT (SELECT MIN(conversations.caller) FROM conversations WHERE conversations.caller > callers.caller)
      FROM callers WHERE callers.caller IS NOT NULL)
    SELECT caller FROM callers WHERE caller IS NOT NULL LIMIT $limit`,

  /** The walk along the index ends at the limit; what is sorted is one span at a time. */
  listSessionIds: `
    SELECT DISTINCT session_id AS sessionId FROM (
      SELECT session_id FROM conversations INDEXED BY conversations_by_caller
      WHERE caller = +$caller AND accessed_span >= $oldestMs >> ${spanBits} AND last_accessed_ms >= +$oldestMs
        AND SUBSTR(session_id, 1, ${passingMark.length}) <> '${passingMark}'
      ORDER BY accessed_span DESC, last_accessed_ms DESC, id DESC)
    LIMIT $limit`,

  findSessions: `
    SELECT session_id AS sessionId, ${conversationView}
    FROM conversations INDEXED BY conversations_by_session
    WHERE caller = +$caller AND session_id IN (SELECT value FROM json_each($sessionIds))
      AND last_accessed_ms >= +$oldestMs
    ORDER BY last_accessed_ms DESC, id DESC`,

  findDeletable: `
    SELECT id FROM conversations INDEXED BY conversations_by_session
    WHERE caller = +$caller AND session_id = +$sessionId LIMIT $limit`,

  /** Callers are few: each one's oldest conversations are where its part of the index begins. */
  findExpired: `
    ${eachCaller}
    SELECT id FROM callers CROSS JOIN conversations INDEXED BY conversations_by_caller
      ON conversations.caller = callers.caller
    WHERE accessed_span <= $oldestMs >> ${spanBits} AND last_accessed_ms < $oldestMs AND NOT ${leased("conversations", "$nowMs")}
    LIMIT $limit`,

  /** Their ids stand together, before those of anybody else. */
  findLeftBehind: `
    ${eachCaller}
    SELECT id FROM callers CROSS JOIN conversations INDEXED BY conversations_by_session
      ON conversations.caller = callers.caller
    WHERE session_id >= '${passingMark}' AND session_id < '!' AND last_accessed_ms < $oldestMs
      AND NOT ${leased("conversations", "$nowMs")}
    LIMIT $limit`,

  deleteTurns: `
    DELETE FROM turns WHERE id IN (
      SELECT turns.id FROM json_each($conversationKeys) AS conversation CROSS JOIN turns
        ON turns.id BETWEEN conversation.value << ${turnBits} AND ((conversation.value + 1) << ${turnBits}) - 1
      LIMIT $limit)`,

  deleteConversations: `
    DELETE FROM conversations WHERE id IN (SELECT value FROM json_each($conversationKeys))
    RETURNING ${conversationView}`,

  readMessages: "SELECT json FROM messages WHERE conversation_id = $conversationId ORDER BY position",

  addMessage: `
    INSERT INTO messages (conversation_id, position, json)
    SELECT $conversationId, COALESCE(MAX(position) + 1, 0), $json FROM messages WHERE conversation_id = $conversationId`,

  copyMessages: `
    INSERT INTO messages (conversation_id, position, json)
    SELECT $to, position, json FROM messages WHERE conversation_id = $from`,

  dropOldMessages: `
    DELETE FROM messages WHERE conversation_id = $conversationId AND position <= (
      SELECT MAX(position) FROM (
        SELECT position, SUM(LENGTH(json)) OVER (ORDER BY position DESC) AS chars
        FROM messages WHERE conversation_id = $conversationId)
      WHERE chars > $maxChars)`,

  deleteMessages: "DELETE FROM messages WHERE conversation_id IN (SELECT value FROM json_each($conversationIds))",

  listAccounts: `
    SELECT id, alias, sealed, revision, state FROM accounts WHERE upstream = $upstream ORDER BY created_at_ms, id`,

  findAccountRevision: "SELECT revision FROM accounts WHERE upstream = $upstream AND id = $id",

  putAccount: `
    INSERT INTO accounts (upstream, id, alias, sealed, revision, state, created_at_ms, updated_at_ms)
    VALUES ($upstream, $id, $alias, $sealed, $nowMs, $state, $nowMs, $nowMs)
    ON CONFLICT (upstream, id) DO UPDATE SET alias = $alias, sealed = $sealed, state = $state,
      revision = MAX(revision + 1, $nowMs), updated_at_ms = $nowMs
    RETURNING revision`,

  saveAccountState: `
    INSERT INTO accounts (upstream, id, alias, revision, state, created_at_ms, updated_at_ms)
    VALUES ($upstream, $id, '', 0, $state, $nowMs, $nowMs)
    ON CONFLICT (upstream, id) DO UPDATE SET state = $state, updated_at_ms = $nowMs`,

  listSealedAccounts: `
    SELECT upstream, id, alias, sealed, revision, state, lease_until_ms AS leasedUntilMs
    FROM accounts WHERE sealed IS NOT NULL ORDER BY upstream, id`,
  removeAccount: "DELETE FROM accounts WHERE upstream = $upstream AND id = $id",

  leaseAccount: `
    INSERT INTO accounts (upstream, id, alias, revision, state, lease_holder, lease_until_ms, created_at_ms, updated_at_ms)
    VALUES ($upstream, $id, '', 0, '', $holder, $untilMs, $nowMs, $nowMs)
    ON CONFLICT (upstream, id) DO UPDATE SET lease_holder = $holder, lease_until_ms = $untilMs
      WHERE lease_until_ms <= $nowMs OR lease_holder = $holder`,

  releaseAccount: `
    UPDATE accounts SET lease_holder = NULL, lease_until_ms = 0
    WHERE upstream = $upstream AND id = $id AND lease_holder = $holder`,
} as const;
