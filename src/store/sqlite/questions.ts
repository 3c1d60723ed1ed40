// The prepared statements of the SQLite driver, one a question, with the types of what goes in and what comes out.

import type { Database, Statement } from "bun:sqlite";
import type { LeaseOwner } from "../lease-owner.ts";
import { questionTexts } from "./question-texts.ts";
import type { ConversationView } from "../store.ts";

type ChatKey = { upstream: string; account: string; chatId: string };
type ChatClaim = ChatKey & { claimId: string };
type Node = { nodeId: string | null; parentId: string | null; responseId: string | null };
type Owner = { [Field in keyof LeaseOwner]: LeaseOwner[Field] };

/** A place to continue at. Hash lists are JSON text. */
export interface PositionRow extends ChatKey, Node {
  /** Null while the conversation's chat is empty. */
  readonly turnId: number | null;
  readonly conversationKey: number;
  readonly conversationId: string;
  readonly sessionId: string;
  readonly messageCount: number;
  readonly systemHashes: string;
  readonly toolHashes: string;
}

export interface LeaseRow {
  readonly leasedUntilMs: number;
  readonly readyAtMs: number;
  readonly replyNodeId: string | null;
  readonly replyParentId: string | null;
  readonly replyResponseId: string | null;
}

export interface ConversationRow {
  readonly headTurn: number | null;
  readonly messageCount: number;
  readonly isInChat: number;
  readonly isInSpan: number;
  readonly baseContinued: number | null;
}

export type SessionRow = ConversationView & { readonly sessionId: string };

export interface AccountRow {
  readonly id: string;
  readonly alias: string;
  readonly sealed: Uint8Array | null;
  readonly revision: number;
  readonly state: string;
}

type ConversationKey = { conversationKey: number; publicId: string };

export interface SealedAccountRow extends AccountRow {
  readonly upstream: string;
  readonly sealed: Uint8Array;
  readonly leasedUntilMs: number;
}

type AccountKey = { upstream: string; id: string };

type TurnSearch = {
  caller: string;
  systemKey: string;
  oldestMs: number;
  leasedAfterMs: number;
};

export type NewTurnRow = ChatKey &
  Node & {
    turnId: number;
    fingerprint: string;
    loose: string | null;
    lastTurn: string | null;
    sessionHint: string | null;
    systemKey: string;
    systemHashes: string;
    toolHashes: string;
    model: string;
    messageCount: number;
    nowMs: number;
  };

type ConversationChange = { conversationKey: number; model: string; messageCount: number; nowMs: number };

export type NewConversationRow = ChatKey &
  Node & {
    publicId: string;
    caller: string;
    sessionId: string;
    model: string;
    messageCount: number;
    byHead: number;
    mayShareChat: number;
    headTurn: number | null;
    createdAtMs: number;
    nowMs: number;
  };

export function prepareQuestions(database: Database) {
  const statements: Statement[] = [];
  function prepare<Row, Parameters extends Record<string, string | number | Uint8Array | null>>(
    name: keyof typeof questionTexts,
  ) {
    const statement = database.prepare<Row, [Parameters]>(questionTexts[name]);
    statements.push(statement);
    return statement;
  }
  return {
    findKnownPrefixes: prepare<{ prefixIndex: number }, { prefixes: string; sessionHint: string | null }>(
      "findKnownPrefixes",
    ),
    findTurn: prepare<PositionRow, TurnSearch & { fingerprint: string }>("findTurn"),
    findHintedTurn: prepare<PositionRow, TurnSearch & { fingerprint: string; sessionHint: string }>("findHintedTurn"),
    findLooseTurn: prepare<PositionRow, TurnSearch & { loose: string; lastTurn: string; sessionHint: string }>(
      "findLooseTurn",
    ),
    findHead: prepare<PositionRow, { caller: string; sessionId: string; oldestMs: number }>("findHead"),

    findLease: prepare<LeaseRow, ChatKey>("findLease"),
    takeLease: prepare<never, ChatClaim & Owner & { conversationKey: number; leasedUntilMs: number }>("takeLease"),
    noteReply: prepare<never, ChatClaim & Node>("noteReply"),
    renewLease: prepare<never, ChatClaim & { leasedUntilMs: number }>("renewLease"),
    endLease: prepare<never, ChatClaim>("endLease"),
    settleLease: prepare<never, ChatClaim & { readyAtMs: number }>("settleLease"),
    abandonLease: prepare<never, ChatClaim>("abandonLease"),
    findLeaseOwners: prepare<LeaseOwner, { nowMs: number }>("findLeaseOwners"),
    abandonLeasesOf: prepare<never, Owner>("abandonLeasesOf"),
    deleteIdleLeases: prepare<never, { nowMs: number }>("deleteIdleLeases"),

    createConversation: prepare<never, NewConversationRow>("createConversation"),
    forgetUnanswered: prepare<never, ChatKey & { caller: string; nowMs: number }>("forgetUnanswered"),
    findConversation: prepare<
      ConversationRow,
      ChatKey & ConversationKey & { baseTurnId: number | null; nowMs: number }
    >("findConversation"),
    touchConversation: prepare<never, ConversationKey & { nowMs: number }>("touchConversation"),
    touchHead: prepare<never, { conversationKey: number; nowMs: number }>("touchHead"),
    countConversationsInChat: prepare<{ count: number }, ChatKey>("countConversationsInChat"),
    markShared: prepare<never, { conversationKey: number }>("markShared"),
    replaceChat: prepare<never, ChatKey & ConversationChange>("replaceChat"),
    returnToChat: prepare<never, ChatKey & { conversationKey: number }>("returnToChat"),
    moveHead: prepare<never, Node & ConversationChange & { headTurn: number }>("moveHead"),
    moveSpan: prepare<never, { conversationKey: number; nowMs: number }>("moveSpan"),

    rememberTurn: prepare<never, NewTurnRow>("rememberTurn"),
    findLastTurn: prepare<{ turnId: number | null }, { conversationKey: number }>("findLastTurn"),
    markContinued: prepare<never, { turnId: number }>("markContinued"),

    findSession: prepare<SessionRow, { caller: string; sessionId: string; oldestMs: number }>("findSession"),
    listCallers: prepare<{ caller: string }, { limit: number }>("listCallers"),
    listSessionIds: prepare<{ sessionId: string }, { caller: string; oldestMs: number; limit: number }>(
      "listSessionIds",
    ),
    findSessions: prepare<SessionRow, { caller: string; sessionIds: string; oldestMs: number }>("findSessions"),

    findDeletable: prepare<{ id: number }, { caller: string; sessionId: string; limit: number }>("findDeletable"),
    findExpired: prepare<{ id: number }, { oldestMs: number; nowMs: number; limit: number }>("findExpired"),
    findLeftBehind: prepare<{ id: number }, { oldestMs: number; nowMs: number; limit: number }>("findLeftBehind"),
    deleteTurns: prepare<never, { conversationKeys: string; limit: number }>("deleteTurns"),
    deleteConversations: prepare<ConversationView, { conversationKeys: string }>("deleteConversations"),

    readMessages: prepare<{ json: string }, { conversationId: string }>("readMessages"),
    addMessage: prepare<never, { conversationId: string; json: string }>("addMessage"),
    copyMessages: prepare<never, { from: string; to: string }>("copyMessages"),
    dropOldMessages: prepare<never, { conversationId: string; maxChars: number }>("dropOldMessages"),
    deleteMessages: prepare<never, { conversationIds: string }>("deleteMessages"),

    listAccounts: prepare<AccountRow, { upstream: string }>("listAccounts"),
    listSealedAccounts: prepare<SealedAccountRow, Record<string, never>>("listSealedAccounts"),
    findAccountRevision: prepare<{ revision: number }, AccountKey>("findAccountRevision"),
    putAccount: prepare<
      { revision: number },
      AccountKey & { alias: string; sealed: Uint8Array; state: string; nowMs: number }
    >("putAccount"),
    saveAccountState: prepare<never, AccountKey & { state: string; nowMs: number }>("saveAccountState"),
    removeAccount: prepare<never, AccountKey>("removeAccount"),
    leaseAccount: prepare<never, AccountKey & { holder: string; untilMs: number; nowMs: number }>("leaseAccount"),
    releaseAccount: prepare<never, AccountKey & { holder: string }>("releaseAccount"),

    /** Without it the database stays open behind `close`, and its log is not folded into the file. */
    finalizeAll() {
      for (const statement of statements) statement.finalize();
    },
  };
}

export type Questions = ReturnType<typeof prepareQuestions>;
