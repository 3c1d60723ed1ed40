// What a driver's Store is put together of: its rooms for turns, for sessions, for accounts, and for keys and what callers use.

import type { AmountStore } from "./amount-store.ts";
import type { KeyStore } from "./key-store.ts";
import type { AccountStore, Store } from "./store.ts";

export type TurnMethods = "beginTurn" | "openConversation" | "noteReply" | "endTurn" | "readMessages" | "releaseTurn";
export type SessionMethods =
  "findUnusedChats" | "getSession" | "listCallers" | "listSessions" | "deleteSession" | "sweep" | "sweepPassing";

/** Their methods as those of one object. */
export function ofTurnsAndSessions(
  turns: Pick<Store, TurnMethods>,
  sessions: Pick<Store, SessionMethods>,
): Pick<Store, TurnMethods | SessionMethods> {
  return {
    beginTurn: (caller, lookup) => turns.beginTurn(caller, lookup),
    openConversation: (caller, conversation) => turns.openConversation(caller, conversation),
    noteReply: (claim, continuation) => turns.noteReply(claim, continuation),
    endTurn: (claim, record) => turns.endTurn(claim, record),
    readMessages: (claim) => turns.readMessages(claim),
    releaseTurn: (claim, settleMs) => turns.releaseTurn(claim, settleMs),
    findUnusedChats: (chats) => sessions.findUnusedChats(chats),
    getSession: (caller, sessionId) => sessions.getSession(caller, sessionId),
    listCallers: (limit) => sessions.listCallers(limit),
    listSessions: (caller, limit) => sessions.listSessions(caller, limit),
    deleteSession: (caller, sessionId) => sessions.deleteSession(caller, sessionId),
    sweep: () => sessions.sweep(),
    sweepPassing: () => sessions.sweepPassing(),
  };
}

/** The same. */
export function ofAccountsAndCallers(
  accounts: AccountStore,
  callers: KeyStore & AmountStore,
): AccountStore & KeyStore & AmountStore {
  return {
    listAccounts: (upstream) => accounts.listAccounts(upstream),
    putAccount: (upstream, account, expectedRevision) => accounts.putAccount(upstream, account, expectedRevision),
    saveAccountState: (upstream, id, state) => accounts.saveAccountState(upstream, id, state),
    resealAccounts: (reseal) => accounts.resealAccounts(reseal),
    removeAccount: (upstream, id) => accounts.removeAccount(upstream, id),
    leaseAccount: (upstream, id, holder, leaseMs) => accounts.leaseAccount(upstream, id, holder, leaseMs),
    releaseAccount: (upstream, id, holder) => accounts.releaseAccount(upstream, id, holder),
    keysRevision: () => callers.keysRevision(),
    listKeys: () => callers.listKeys(),
    addKey: (key) => callers.addKey(key),
    revokeKey: (prefix) => callers.revokeKey(prefix),
    removeKey: (prefix) => callers.removeKey(prefix),
    reserveAmount: (reservation) => callers.reserveAmount(reservation),
    addAmounts: (amounts) => callers.addAmounts(amounts),
    readAmounts: (keys) => callers.readAmounts(keys),
    listSubjects: (question) => callers.listSubjects(question),
    forgetAmounts: (subject) => callers.forgetAmounts(subject),
    dropAmounts: (kinds) => callers.dropAmounts(kinds),
    holdReplies: (subject, wanted, limit, untilMs) => callers.holdReplies(subject, wanted, limit, untilMs),
    countReplies: (subjects) => callers.countReplies(subjects),
    renewReplies: (untilMs) => callers.renewReplies(untilMs),
  };
}
