// The sessions API: what the gateway remembers of a caller's conversations. Times are epoch milliseconds.

import { GatewayError } from "../contract/gateway-error.ts";
import { isPassingSession } from "../store/passing-session.ts";
import type { ConversationView, SessionView, Store } from "../store/store.ts";
import { parseLimit, sessionListRange } from "./body/parse-limit.ts";
import { pathRest, queryOf, type ServerRoute, type Trip } from "./trip.ts";

export interface SessionSource {
  readonly store: Pick<Store, "getSession" | "listSessions">;
  /** @returns false when the caller has no such session. */
  deleteSession(caller: string, sessionId: string): Promise<boolean>;
}

const sessionPrefix = "/v1/sessions/";

export function sessionRoutes(source: SessionSource): ServerRoute[] {
  return [
    {
      method: "GET",
      path: "/v1/sessions",
      answer: async (trip) => {
        const sessions = await source.store.listSessions(
          trip.caller,
          parseLimit(queryOf(trip.request).get("limit"), "sessions", sessionListRange),
        );
        return Response.json({ object: "list", data: sessions.map(encodeSession) });
      },
    },
    {
      method: "GET",
      path: `${sessionPrefix}*`,
      answer: async (trip) => {
        const session = await source.store.getSession(trip.caller, parseSessionId(trip));
        if (session === undefined) throw sessionNotFound();
        return Response.json(encodeSession(session));
      },
    },
    {
      method: "DELETE",
      path: `${sessionPrefix}*`,
      answer: async (trip) => {
        const id = parseSessionId(trip);
        if (!(await source.deleteSession(trip.caller, id))) throw sessionNotFound();
        return Response.json({ id, object: "session.deleted", deleted: true });
      },
    },
  ];
}

function parseSessionId(trip: Trip): string {
  const id = pathRest(trip, sessionPrefix);
  if (id === undefined || id === "" || isPassingSession(id)) throw sessionNotFound();
  return id;
}

/** Another caller's session is as unknown as one that never was. */
export function sessionNotFound(): GatewayError {
  return new GatewayError("not-found", "Cannot find this session: it has expired, was deleted, or never was");
}

/** Field names as their users know them. Top-level fields are those of the newest conversation. */
export function encodeSession(session: SessionView) {
  return {
    object: "session",
    sessionId: session.sessionId,
    ...encodeHead(session.conversations[0]),
    createdAt: session.createdAtMs,
    lastAccessed: session.lastAccessedMs,
    conversations: session.conversations.map(encodeConversation),
  };
}

function encodeConversation(conversation: ConversationView) {
  return {
    conversationId: conversation.conversationId,
    ...encodeHead(conversation),
    model: conversation.model,
    upstream: conversation.upstream,
    createdAt: conversation.createdAtMs,
    lastAccessed: conversation.lastAccessedMs,
  };
}

/** Both spellings of the parent mean the node that the next turn continues, not the parent of the last answer. */
function encodeHead(conversation: ConversationView | undefined) {
  const nodeId = conversation?.nodeId ?? null;
  return {
    chatId: conversation?.chatId ?? "",
    parent_id: nodeId,
    parentId: nodeId,
    responseId: conversation?.responseId ?? null,
    messageCount: conversation?.messageCount ?? 0,
  };
}
