// What the SQLite driver tells of a place in a chat that it has leased.

import type { Continuation } from "../../contract/continuation.ts";
import type { LeaseRow, PositionRow } from "./questions.ts";
import type { TurnClaim } from "../store.ts";

/** @param lease what was known of its chat before */
export function claimAt(row: PositionRow, prefixIndex: number | undefined, lease: LeaseRow | null): TurnClaim {
  const { chatId, nodeId, responseId, parentId } = row;
  return {
    claimId: crypto.randomUUID(),
    sessionId: row.sessionId,
    conversationId: row.conversationId,
    upstream: row.upstream,
    account: row.account,
    continuation: { chatId, nodeId, responseId, parentId },
    prefixIndex,
    systemHashes: JSON.parse(row.systemHashes),
    toolHashes: JSON.parse(row.toolHashes),
    interrupted: interruptedReply(chatId, lease),
    readyAtMs: lease?.readyAtMs ?? 0,
  };
}

function interruptedReply(chatId: string, lease: LeaseRow | null): Continuation | undefined {
  if (lease === null || (lease.replyNodeId === null && lease.replyResponseId === null)) return undefined;
  const { replyNodeId, replyResponseId, replyParentId } = lease;
  return { chatId, nodeId: replyNodeId, responseId: replyResponseId, parentId: replyParentId };
}
