// What the gateway remembers, as use cases. Drivers stand beside this file; no table leaks out of them.

import type { Continuation } from "../contract/continuation.ts";

/** One prefix of a history that ends with an assistant turn. Hashes are opaque strings, already scoped by caller. */
export interface PrefixFingerprint {
  readonly strict: string;
  /** The same without the contents of tool results: counts only with session evidence and an equal last turn. */
  readonly loose: string;
  /** Hash of the last assistant turn alone. */
  readonly lastTurn: string;
}

/** How to find the turn that a request continues. */
export type TurnLookup = {
  /** Hashes of the request's system blocks, in order. */
  readonly systemHashes: readonly string[];
  /** A session id that the client named or hinted at; undefined when the request has none. */
  readonly sessionHint: string | undefined;
} & (
  | {
      readonly by: "history";
      /** Longest first. Empty: a new conversation. */
      readonly prefixes: readonly PrefixFingerprint[];
    }
  /** Thin clients and `SESSION_MATCH=first-message`: continue this session at the head of its newest conversation. */
  | { readonly by: "head"; readonly sessionId: string }
);

/** A turn that runs: its chat is leased to this process until `endTurn` or `releaseTurn`. */
export interface TurnClaim {
  readonly claimId: string;
  readonly sessionId: string;
  readonly conversationId: string;
  readonly upstream: string;
  readonly account: string;
  /** Where the turn attaches. */
  readonly continuation: Continuation;
  /** Index into `lookup.prefixes` of the prefix that matched; undefined when found by head, or newly opened. */
  readonly prefixIndex: number | undefined;
  /** System blocks that the upstream has seen on this branch. */
  readonly systemHashes: readonly string[];
  readonly toolHashes: readonly string[];
  /** A reply of this chat that a dead process left running. */
  readonly interrupted: Continuation | undefined;
  /** Epoch milliseconds before which the chat is not expected to accept a message. */
  readonly readyAtMs: number;
}

export interface NewConversation {
  readonly sessionId: string;
  readonly sessionHint: string | undefined;
  readonly upstream: string;
  readonly account: string;
  readonly model: string;
  /** The chat and, if it is known already, the reply that has begun in it. */
  readonly continuation: Continuation;
  /** Assistant turns that the client's history holds already. */
  readonly priorReplies: number;
  /**
   * A claim whose chat is broken or gone: the new chat takes its place in the same conversation, and the old claim
   * ends with this call.
   */
  readonly replaces: TurnClaim | undefined;
}

/** A finished turn, as it will be looked up when the client comes back. */
export interface TurnRecord {
  readonly fingerprint: PrefixFingerprint;
  readonly systemHashes: readonly string[];
  readonly toolHashes: readonly string[];
  readonly sessionHint: string | undefined;
  readonly model: string;
  readonly continuation: Continuation;
  /** Milliseconds until the chat is expected to accept the next message. */
  readonly settleMs: number;
}

export interface ConversationView {
  readonly conversationId: string;
  readonly upstream: string;
  readonly account: string;
  readonly chatId: string;
  /** The node that the next turn continues; null before the first answer. */
  readonly nodeId: string | null;
  readonly parentId: string | null;
  readonly responseId: string | null;
  readonly model: string;
  /** Answers so far. */
  readonly messageCount: number;
  readonly createdAtMs: number;
  readonly lastAccessedMs: number;
}

export interface SessionView {
  readonly sessionId: string;
  readonly createdAtMs: number;
  readonly lastAccessedMs: number;
  /** Newest (last accessed) first; never empty. */
  readonly conversations: readonly ConversationView[];
}

/** Asynchronous from the first day: drivers may stand on another machine. Every method is one short transaction. */
export interface Store {
  /**
   * Finds the turn that the lookup continues and leases its chat. By history: the longest prefix that has records
   * decides; of its records a free one is chosen, preferring an equal session hint, equal system hashes, not yet
   * continued, the newest. Records with other system hashes count only with an equal session hint. By head: the head
   * of the session's newest conversation.
   * @returns undefined when there is nothing to continue, or (by history) all that fits is leased; "busy" when
   * (by head) the chat is leased.
   */
  beginTurn(caller: string, lookup: TurnLookup): Promise<TurnClaim | "busy" | undefined>;
  /** A new chat, leased from birth. Its conversation is visible with a message count of `priorReplies`. */
  openConversation(caller: string, conversation: NewConversation): Promise<TurnClaim>;
  /** Remembers which reply runs in the chat, so that it can be stopped after a crash. */
  noteReply(claim: TurnClaim, continuation: Continuation): Promise<void>;
  /** Commits a turn and gives its chat back. A turn on a node that was continued before becomes a conversation of its own. */
  endTurn(claim: TurnClaim, record: TurnRecord): Promise<void>;
  /** Gives a chat back without a turn: the old node stays where it was. */
  releaseTurn(claim: TurnClaim, settleMs: number): Promise<void>;

  getSession(caller: string, sessionId: string): Promise<SessionView | undefined>;
  /** Last accessed first. */
  listSessions(caller: string, limit: number): Promise<readonly SessionView[]>;
  /** @returns what was deleted, so that chats can be deleted upstream; undefined when there is no such session. */
  deleteSession(caller: string, sessionId: string): Promise<readonly ConversationView[] | undefined>;
  /** Deletes what expired. @returns the conversations that are gone. */
  sweep(): Promise<readonly ConversationView[]>;

  close(): Promise<void>;
}
