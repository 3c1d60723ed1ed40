// What the address says: which tab, and in the chat which session. It stands behind the `#`: a reload finds it, a bookmark
// too, and it is never sent to a server.

export type Place = { readonly tab: "chat"; readonly sessionId: string | undefined } | { readonly tab: "agent" };

/** A session's id is encoded, so that none begins with a slash. */
export const agentHash = "#/agent";

export function parsePlace(hash: string): Place {
  if (hash === agentHash) return { tab: "agent" };
  try {
    return { tab: "chat", sessionId: decodeURIComponent(hash.replace(/^#/, "")) || undefined };
  } catch {
    // Not one of ours.
    return { tab: "chat", sessionId: undefined };
  }
}

/** Empty: a new conversation. */
export function chatHash(sessionId: string | undefined): string {
  return sessionId === undefined ? "" : `#${encodeURIComponent(sessionId)}`;
}
