// Conversations grouped to sessions, for every driver.

import type { ConversationView, SessionView } from "./store.ts";

/** Newest conversation first in, newest session first out. */
export function groupSessions(
  rows: readonly { readonly sessionId: string; readonly conversation: ConversationView }[],
): readonly SessionView[] {
  const sessions = new Map<string, ConversationView[]>();
  for (const { sessionId, conversation } of rows) {
    const conversations = sessions.get(sessionId);
    if (conversations === undefined) sessions.set(sessionId, [conversation]);
    else conversations.push(conversation);
  }
  return Array.from(sessions, ([sessionId, conversations]) => ({
    sessionId,
    createdAtMs: Math.min(...conversations.map((conversation) => conversation.createdAtMs)),
    lastAccessedMs: Math.max(...conversations.map((conversation) => conversation.lastAccessedMs)),
    conversations,
  }));
}
