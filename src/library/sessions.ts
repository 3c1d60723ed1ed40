// Sessions by their public id over a store: for people who drive the chain themselves.

import type { Continuation } from "../contract/continuation.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { fingerprintHistory } from "../conversation/fingerprints.ts";
import { fingerprintReply } from "../conversation/reply-digest.ts";
import { sessionIdOf } from "../conversation/session-id.ts";
import { encodeSession } from "../server/session-routes.ts";
import { localCaller } from "../server/trip.ts";
import type { Store } from "../store/store.ts";

/** As `GET /v1/sessions/:id` shows it. It is a `ChainPosition` too: `transformToQwenRequest(body, session)`. */
export type Session = ReturnType<typeof encodeSession>;

/** What an answer told of its place in the chat; a bare string is the node to continue. */
export type SessionUpdate = string | { readonly parentId: string; readonly responseId?: string | null };

export interface SessionManager {
  /** MD5 of the text: the same words give the same id. */
  generateSessionId(firstUserMessage: string): string;
  /** Undefined when it is unknown or has expired. */
  getSession(sessionId: string): Promise<Session | undefined>;
  /** A session that stands at the beginning of a chat. */
  createSession(firstUserMessage: string, chatId: string): Promise<Session>;
  /**
   * Moves a session on to its newest answer and counts it.
   * @throws {GatewayError} `not-found`; `overloaded` while another turn of it runs
   */
  updateSession(sessionId: string, update: SessionUpdate): Promise<Session>;
}

/** The caller whom the gateway sees in requests without a key: their sessions are the program's own. */
const caller = localCaller;

export function createSessionManager(store: Store, upstream: string): SessionManager {
  async function known(sessionId: string): Promise<Session> {
    const session = await store.getSession(caller, sessionId);
    if (session === undefined) throw new GatewayError("not-found", `Cannot find session "${sessionId}"`);
    return encodeSession(session);
  }

  return {
    generateSessionId: sessionIdOf,
    async getSession(sessionId) {
      const session = await store.getSession(caller, sessionId);
      return session === undefined ? undefined : encodeSession(session);
    },
    async createSession(firstUserMessage, chatId) {
      const sessionId = sessionIdOf(firstUserMessage);
      const claim = await store.openConversation(caller, {
        sessionId,
        sessionHint: undefined,
        upstream,
        account: "",
        model: "",
        continuation: { chatId, nodeId: null, responseId: null, parentId: null },
        priorReplies: 0,
        byHead: true,
        replaces: undefined,
      });
      await store.releaseTurn(claim, 0);
      return known(sessionId);
    },
    async updateSession(sessionId, update) {
      const claim = await store.beginTurn(caller, { by: "head", sessionId, systemHashes: [], sessionHint: undefined });
      if (claim === undefined) throw new GatewayError("not-found", `Cannot find session "${sessionId}"`);
      if (claim === "busy")
        throw new GatewayError("overloaded", `Cannot update session "${sessionId}": a turn of it runs`);
      const nodeId = typeof update === "string" ? update : update.parentId;
      const responseId = typeof update === "string" ? update : (update.responseId ?? update.parentId);
      const continuation: Continuation = {
        chatId: claim.continuation.chatId,
        nodeId,
        responseId,
        parentId: claim.continuation.nodeId,
      };
      // Scoped so that no request is ever taken for the continuation of a turn that was driven by hand.
      const history = fingerprintHistory(`${caller}\n${claim.conversationId}`, [], []);
      await store.endTurn(claim, {
        fingerprint: fingerprintReply(history, { text: nodeId, toolCalls: [] }),
        systemHashes: [],
        toolHashes: [],
        sessionHint: undefined,
        model: "",
        continuation,
        settleMs: 0,
      });
      return known(sessionId);
    },
  };
}
