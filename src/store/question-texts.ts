// What the SQLite driver asks its database, as SQL. Every question that a turn asks is answered by an index,
// however long the table is (test/unit/store/question-texts.test.ts reads the query plans).

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
const turnsBy = (index: "turns_by_hint" | "turns_by_system" | "turns_by_loose") => `
  turns INDEXED BY ${index} CROSS JOIN conversations ON conversations.id = turns.conversation_id`;

/** A turn without a node has nothing to attach to; one of an expired conversation waits for the sweep. */
const continuable = `
  turns.node_id IS NOT NULL AND conversations.last_accessed_ms >= $oldestMs AND NOT ${leased("turns", "$leasedAfterMs")}`;

const headPosition = `
  turns.id AS turnId, conversations.id AS conversationKey, conversations.public_id AS conversationId,
  conversations.session_id AS sessionId, conversations.upstream, conversations.account,
  conversations.chat_id AS chatId, conversations.node_id AS nodeId, conversations.parent_id AS parentId,
  conversations.response_id AS responseId, conversations.message_count AS messageCount,
  COALESCE(turns.system_hashes, '[]') AS systemHashes, COALESCE(turns.tool_hashes, '[]') AS toolHashes`;

const headsBy = (index: "conversations_by_head" | "conversations_by_session") => `
  conversations INDEXED BY ${index} LEFT JOIN turns ON turns.id = conversations.head_turn_id`;

const ofSession = `
  conversations.caller = $caller AND conversations.session_id = $sessionId
    AND conversations.last_accessed_ms >= $oldestMs`;

export const questionTexts = {
  /** Which of many prefixes have turns at all, longest first: most histories are asked about in vain. */
  findKnownPrefixes: `
    SELECT key AS prefixIndex FROM json_each($prefixes) AS prefix
    WHERE EXISTS (SELECT 1 FROM turns INDEXED BY turns_by_hint
        WHERE turns.caller = $caller AND turns.fingerprint = prefix.value ->> 'strict')
      OR EXISTS (SELECT 1 FROM turns INDEXED BY turns_by_loose
        WHERE turns.caller = $caller AND turns.loose = prefix.value ->> 'loose'
          AND turns.session_hint = $sessionHint)
    ORDER BY key`,

  /**
   * The best turn with this fingerprint: equal hint and system blocks; else equal hint alone, which is evidence only
   * when there is one (NULL equals nothing); else equal system blocks alone. Then not yet continued, then the newest.
   */
  findTurn: `
    SELECT * FROM (
      SELECT 1 AS preference, ${turnPosition} FROM ${turnsBy("turns_by_hint")}
      WHERE turns.caller = $caller AND turns.fingerprint = $fingerprint AND turns.session_hint IS $sessionHint
        AND turns.system_key = $systemKey AND ${continuable}
      ORDER BY turns.continued, turns.id DESC LIMIT 1)
    UNION ALL SELECT * FROM (
      SELECT 2, ${turnPosition} FROM ${turnsBy("turns_by_hint")}
      WHERE turns.caller = $caller AND turns.fingerprint = $fingerprint AND turns.session_hint = $sessionHint
        AND ${continuable}
      ORDER BY turns.continued, turns.id DESC LIMIT 1)
    UNION ALL SELECT * FROM (
      SELECT 3, ${turnPosition} FROM ${turnsBy("turns_by_system")}
      WHERE turns.caller = $caller AND turns.fingerprint = $fingerprint AND turns.system_key = $systemKey
        AND ${continuable}
      ORDER BY turns.continued, turns.id DESC LIMIT 1)
    ORDER BY preference LIMIT 1`,

  findLooseTurn: `
    SELECT ${turnPosition} FROM ${turnsBy("turns_by_loose")}
    WHERE turns.caller = $caller AND turns.loose = $loose AND turns.session_hint = $sessionHint
      AND turns.last_turn = $lastTurn AND ${continuable}
    ORDER BY turns.system_key = $systemKey DESC, turns.continued, turns.id DESC LIMIT 1`,

  /** A title request under the same session name is newer than the conversation of a thin client, and not its head. */
  findHead: `
    SELECT * FROM (SELECT 1 AS preference, ${headPosition} FROM ${headsBy("conversations_by_head")}
      WHERE ${ofSession} AND conversations.by_head = 1
      ORDER BY conversations.last_accessed_ms DESC, conversations.id DESC LIMIT 1)
    UNION ALL SELECT * FROM (SELECT 2, ${headPosition} FROM ${headsBy("conversations_by_session")}
      WHERE ${ofSession}
      ORDER BY conversations.last_accessed_ms DESC, conversations.id DESC LIMIT 1)
    ORDER BY preference LIMIT 1`,

  findLease: `
    SELECT leased_until_ms AS leasedUntilMs, ready_at_ms AS readyAtMs, reply_node_id AS replyNodeId,
      reply_parent_id AS replyParentId, reply_response_id AS replyResponseId
    FROM leases WHERE upstream = $upstream AND account = $account AND chat_id = $chatId`,

  takeLease: `
    INSERT OR REPLACE INTO leases (upstream, account, chat_id, claim_id, owner_host, owner_pid, owner_started_ms,
      leased_until_ms, ready_at_ms)
    VALUES ($upstream, $account, $chatId, $claimId, $ownerHost, $ownerPid, $ownerStartedMs, $leasedUntilMs, 0)`,

  noteReply: `
    UPDATE leases SET reply_node_id = $nodeId, reply_parent_id = $parentId, reply_response_id = $responseId
    WHERE upstream = $upstream AND account = $account AND chat_id = $chatId AND claim_id = $claimId`,

  renewLease: `
    UPDATE leases SET leased_until_ms = $leasedUntilMs
    WHERE upstream = $upstream AND account = $account AND chat_id = $chatId AND claim_id = $claimId`,

  freeLease: `
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
      OR NOT EXISTS (SELECT 1 FROM conversations INDEXED BY conversations_by_chat
        WHERE conversations.chat_id = leases.chat_id AND conversations.account = leases.account
          AND conversations.upstream = leases.upstream))`,

  createConversation: `
    INSERT INTO conversations (public_id, caller, session_id, upstream, account, chat_id, node_id, parent_id,
      response_id, model, message_count, by_head, created_at_ms, last_accessed_ms)
    VALUES ($publicId, $caller, $sessionId, $upstream, $account, $chatId, $nodeId, $parentId, $responseId, $model,
      $messageCount, $byHead, $nowMs, $nowMs)
    RETURNING id`,

  /** A chat whose first turn failed serves its repetition: the conversation that came to nothing makes room. */
  forgetUnanswered: `
    DELETE FROM conversations WHERE id IN (
      SELECT id FROM conversations INDEXED BY conversations_by_chat
      WHERE chat_id = $chatId AND account = $account AND upstream = $upstream AND caller = $caller
        AND head_turn_id IS NULL AND NOT ${leased("conversations", "$nowMs")})`,

  findConversation: `
    SELECT public_id AS conversationId, session_id AS sessionId, head_turn_id AS headTurnId,
      message_count AS messageCount
    FROM conversations WHERE id = $conversationKey`,

  touchConversation: `
    UPDATE conversations SET last_accessed_ms = $nowMs, by_head = MAX(by_head, $byHead) WHERE id = $conversationKey`,

  countConversationsInChat: `
    SELECT COUNT(*) AS count FROM conversations INDEXED BY conversations_by_chat
    WHERE chat_id = $chatId AND account = $account AND upstream = $upstream`,

  /** An empty chat takes the place of one that is gone. */
  replaceChat: `
    UPDATE conversations SET upstream = $upstream, account = $account, chat_id = $chatId, node_id = NULL,
      parent_id = NULL, response_id = NULL, head_turn_id = NULL, model = $model, message_count = $messageCount,
      last_accessed_ms = $nowMs
    WHERE id = $conversationKey`,

  moveHead: `
    UPDATE conversations SET upstream = $upstream, account = $account, chat_id = $chatId, node_id = $nodeId,
      parent_id = $parentId, response_id = $responseId, head_turn_id = $turnId, model = $model,
      message_count = $messageCount, last_accessed_ms = $nowMs
    WHERE id = $conversationKey`,

  rememberTurn: `
    INSERT INTO turns (conversation_id, caller, fingerprint, loose, last_turn, session_hint, system_key, system_hashes,
      tool_hashes, upstream, account, chat_id, node_id, parent_id, response_id, model, message_count, created_at_ms)
    VALUES ($conversationKey, $caller, $fingerprint, $loose, $lastTurn, $sessionHint, $systemKey, $systemHashes,
      $toolHashes, $upstream, $account, $chatId, $nodeId, $parentId, $responseId, $model, $messageCount, $nowMs)
    RETURNING id`,

  findContinued: "SELECT continued FROM turns WHERE id = $turnId",

  markContinued: "UPDATE turns SET continued = 1 WHERE id = $turnId",

  findSession: `
    SELECT session_id AS sessionId, ${conversationView}
    FROM conversations INDEXED BY conversations_by_session
    WHERE caller = $caller AND session_id = $sessionId AND last_accessed_ms >= $oldestMs
    ORDER BY last_accessed_ms DESC, id DESC`,

  /** The newest conversation of each session stands for it; the walk along the index ends at the limit. */
  listSessionIds: `
    SELECT session_id AS sessionId FROM conversations INDEXED BY conversations_by_caller
    WHERE caller = $caller AND last_accessed_ms >= $oldestMs AND NOT EXISTS (
      SELECT 1 FROM conversations AS newer INDEXED BY conversations_by_session
      WHERE newer.caller = conversations.caller AND newer.session_id = conversations.session_id
        AND (newer.last_accessed_ms, newer.id) > (conversations.last_accessed_ms, conversations.id))
    ORDER BY last_accessed_ms DESC, id DESC LIMIT $limit`,

  findSessions: `
    SELECT session_id AS sessionId, ${conversationView}
    FROM conversations INDEXED BY conversations_by_session
    WHERE caller = $caller AND session_id IN (SELECT value FROM json_each($sessionIds))
      AND last_accessed_ms >= $oldestMs
    ORDER BY last_accessed_ms DESC, id DESC`,

  findDeletable: `
    SELECT id FROM conversations INDEXED BY conversations_by_session
    WHERE caller = $caller AND session_id = $sessionId LIMIT $limit`,

  findExpired: `
    SELECT id FROM conversations INDEXED BY conversations_by_access
    WHERE last_accessed_ms < $oldestMs AND NOT ${leased("conversations", "$nowMs")}
    ORDER BY last_accessed_ms LIMIT $limit`,

  deleteTurns: `
    DELETE FROM turns WHERE id IN (
      SELECT id FROM turns INDEXED BY turns_by_conversation
      WHERE conversation_id IN (SELECT value FROM json_each($conversationKeys)) LIMIT $limit)`,

  deleteConversations: `
    DELETE FROM conversations WHERE id IN (SELECT value FROM json_each($conversationKeys))
    RETURNING ${conversationView}`,

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
