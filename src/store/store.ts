// What the gateway remembers, as use cases. Drivers stand beside this file; no table leaks out of them.

import type { Message } from "../contract/chat-request.ts";
import type { Continuation } from "../contract/continuation.ts";
import type { GatewayError } from "../contract/gateway-error.ts";
import type { AmountStore } from "./amount-store.ts";
import type { KeyStore } from "./key-store.ts";

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
  /** The client will come back for the head of its session, not with a history. */
  readonly byHead: boolean;
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
  /** What was said in this turn, for `readMessages`: given where neither client nor upstream remembers it. */
  readonly said?: readonly Message[];
}

/** A chat at its upstream. */
export interface ChatPlace {
  readonly upstream: string;
  readonly account: string;
  readonly chatId: string;
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

/** An account as it is kept. Only the room of credentials can open what is sealed. */
export interface StoredAccount {
  readonly id: string;
  readonly alias: string;
  /** Undefined: an account of the environment or the file, of which only the state is kept. */
  readonly sealed: Uint8Array | undefined;
  /** Another one after each change of `sealed`; 0 while there is none. */
  readonly revision: number;
  /** JSON text of the room of credentials; "" when nothing was said. */
  readonly state: string;
}

export type Reseal = (
  upstream: string,
  account: Omit<StoredAccount, "sealed"> & { readonly sealed: Uint8Array },
) => Uint8Array | undefined;

/** What is remembered of the accounts of an upstream. Several processes may share it. */
export interface AccountStore {
  /** Oldest first. */
  listAccounts(upstream: string): Promise<readonly StoredAccount[]>;
  /**
   * Writes an account whole.
   * @param expectedRevision when given, nothing is written over another revision
   * @returns the new revision; undefined when somebody else was faster.
   */
  putAccount(
    upstream: string,
    account: Omit<StoredAccount, "revision" | "sealed"> & { readonly sealed: Uint8Array },
    expectedRevision?: number,
  ): Promise<number | undefined>;
  saveAccountState(upstream: string, id: string, state: string): Promise<void>;
  /** @returns false when there is none. */
  removeAccount(upstream: string, id: string): Promise<boolean>;
  /** Lets one holder at a time renew the credentials. @returns false while another one does. */
  leaseAccount(upstream: string, id: string, holder: string, leaseMs: number): Promise<boolean>;
  releaseAccount(upstream: string, id: string, holder: string): Promise<void>;
  /**
   * Seals accounts of all upstreams anew, in one transaction: each that changes has another revision then.
   * @param reseal undefined leaves one as it is; what it throws takes everything back. It may be run again
   * @returns how many were changed
   * @throws {GatewayError} `overloaded` while one of them is being renewed
   */
  resealAccounts(reseal: Reseal): Promise<number>;
}

/** Asynchronous from the first day: drivers may stand on another machine. Every method is one short transaction. */
export interface Store extends AccountStore, KeyStore, AmountStore {
  /**
   * Finds the turn that the lookup continues and leases its chat. By history: the longest prefix that has records
   * decides; of its records a free one is chosen, preferring an equal session hint, equal system hashes, not yet
   * continued, the newest. Records with other system hashes count only with an equal session hint. By head: the head
   * of the session's newest conversation that was found by head before, else of its newest (of the last 100 that were
   * opened). What is found by history counts as accessed when its turn ends.
   * @returns undefined when there is nothing to continue, or (by history) all that fits is leased; "busy" when
   * (by head) the chat is leased.
   */
  beginTurn(caller: string, lookup: TurnLookup): Promise<TurnClaim | "busy" | undefined>;
  /**
   * A new chat, leased from birth. Its conversation is visible with a message count of `priorReplies`; to other
   * processes, and after a crash of this one, perhaps not before its first turn has ended.
   */
  openConversation(caller: string, conversation: NewConversation): Promise<TurnClaim>;
  /** Remembers which reply runs in the chat, so that it can be stopped after a crash. */
  noteReply(claim: TurnClaim, continuation: Continuation): Promise<void>;
  /**
   * The client has left, and the chat will be free in a moment: `beginTurn` waits for that, some seconds at most. Absent where all
   * who could ask for it are told otherwise. Never rejects.
   */
  noteLeaving?(claim: TurnClaim): Promise<void>;
  /**
   * Commits a turn and gives its chat back. A turn on a node that was continued before becomes a conversation of its own; so
   * does one whose session hint names another session than the conversation's, in that one.
   */
  endTurn(claim: TurnClaim, record: TurnRecord): Promise<void>;
  /** What the turns of the claimed conversation said, oldest first; of very long ones the end. */
  readMessages(claim: TurnClaim): Promise<readonly Message[]>;
  /** Gives a chat back without a turn: the old node stays where it was. */
  releaseTurn(claim: TurnClaim, settleMs: number): Promise<void>;

  /** Which of these chats no conversation uses any more, each once: branches share a chat. */
  findUnusedChats(chats: readonly ChatPlace[]): Promise<readonly ChatPlace[]>;

  getSession(caller: string, sessionId: string): Promise<SessionView | undefined>;
  /** Who has sessions, in the order of their names. */
  listCallers(limit: number): Promise<readonly string[]>;
  /** Last accessed first, without those that serve one request only (`passingSessionId`). */
  listSessions(caller: string, limit: number): Promise<readonly SessionView[]>;
  /** @returns what was deleted, so that chats can be deleted upstream; undefined when there is no such session. */
  deleteSession(caller: string, sessionId: string): Promise<readonly ConversationView[] | undefined>;
  /**
   * Another process has deleted this session: of its conversations those are not kept that were opened until then and that nobody
   * but this process knows. Absent: all processes see all there is.
   * @returns their chats
   */
  forgetUnseen?(caller: string, sessionId: string, untilMs: number): readonly ChatPlace[];
  /** Chats that dead processes of this machine held are free again, at once. Absent: their leases run out. Never rejects. */
  freeDead?(): Promise<void>;
  /** Deletes what expired. @returns the conversations that are gone. */
  sweep(): Promise<readonly ConversationView[]>;
  /** The same of sessions that served one request only and that nobody has forgotten since: their process was killed. */
  sweepPassing(): Promise<readonly ConversationView[]>;

  /** Of a store on another machine: why it cannot be asked just now. @defaultValue it is always there */
  unreachable?(): GatewayError | undefined;

  /** Writes something that changes nothing. @throws when nothing can be kept */
  probe(): Promise<void>;

  close(): Promise<void>;
}
