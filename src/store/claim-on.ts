// What drivers tell of an empty chat that they have leased.

import type { NewConversation, TurnClaim } from "./store.ts";

export function claimOn(
  { upstream, account, continuation: { chatId } }: NewConversation,
  { sessionId, conversationId }: { sessionId: string; conversationId: string },
): TurnClaim {
  return {
    claimId: crypto.randomUUID(),
    sessionId,
    conversationId,
    upstream,
    account,
    continuation: { chatId, nodeId: null, responseId: null, parentId: null },
    prefixIndex: undefined,
    systemHashes: [],
    toolHashes: [],
    interrupted: undefined,
    readyAtMs: 0,
  };
}
