// What the shared store does in one step each: scripts that the server runs, none of which another command can come between.
// They are called by their digests.

import prelude from "./scripts/prelude.lua" with { type: "text" };
import addAmounts from "./scripts/add-amounts.lua" with { type: "text" };
import addKey from "./scripts/add-key.lua" with { type: "text" };
import beat from "./scripts/beat.lua" with { type: "text" };
import beginTurn from "./scripts/begin-turn.lua" with { type: "text" };
import countReplies from "./scripts/count-replies.lua" with { type: "text" };
import deleteSession from "./scripts/delete-session.lua" with { type: "text" };
import dropAmounts from "./scripts/drop-amounts.lua" with { type: "text" };
import endTurn from "./scripts/end-turn.lua" with { type: "text" };
import findUnusedChats from "./scripts/find-unused-chats.lua" with { type: "text" };
import forgetAmounts from "./scripts/forget-amounts.lua" with { type: "text" };
import forgetOwners from "./scripts/forget-owners.lua" with { type: "text" };
import freeUnknown from "./scripts/free-unknown.lua" with { type: "text" };
import getSession from "./scripts/get-session.lua" with { type: "text" };
import holdReplies from "./scripts/hold-replies.lua" with { type: "text" };
import keysRevision from "./scripts/keys-revision.lua" with { type: "text" };
import leaseAccount from "./scripts/lease-account.lua" with { type: "text" };
import listAccounts from "./scripts/list-accounts.lua" with { type: "text" };
import listCallers from "./scripts/list-callers.lua" with { type: "text" };
import listKeys from "./scripts/list-keys.lua" with { type: "text" };
import listSubjects from "./scripts/list-subjects.lua" with { type: "text" };
import listSessions from "./scripts/list-sessions.lua" with { type: "text" };
import noteLeaving from "./scripts/note-leaving.lua" with { type: "text" };
import noteReply from "./scripts/note-reply.lua" with { type: "text" };
import openConversation from "./scripts/open-conversation.lua" with { type: "text" };
import probe from "./scripts/probe.lua" with { type: "text" };
import putAccount from "./scripts/put-account.lua" with { type: "text" };
import readAmounts from "./scripts/read-amounts.lua" with { type: "text" };
import readMessages from "./scripts/read-messages.lua" with { type: "text" };
import readSealed from "./scripts/read-sealed.lua" with { type: "text" };
import releaseAccount from "./scripts/release-account.lua" with { type: "text" };
import releaseTurn from "./scripts/release-turn.lua" with { type: "text" };
import removeAccount from "./scripts/remove-account.lua" with { type: "text" };
import removeKey from "./scripts/remove-key.lua" with { type: "text" };
import renewReplies from "./scripts/renew-replies.lua" with { type: "text" };
import resealAccounts from "./scripts/reseal-accounts.lua" with { type: "text" };
import reserveAmount from "./scripts/reserve-amount.lua" with { type: "text" };
import revokeKey from "./scripts/revoke-key.lua" with { type: "text" };
import saveAccountState from "./scripts/save-account-state.lua" with { type: "text" };
import sweep from "./scripts/sweep.lua" with { type: "text" };
import agent from "./scripts/agent.lua" with { type: "text" };
import chat from "./scripts/chat.lua" with { type: "text" };
import conversations from "./scripts/conversations.lua" with { type: "text" };
import replays from "./scripts/replays.lua" with { type: "text" };
import responses from "./scripts/responses.lua" with { type: "text" };

export interface Script {
  readonly name: string;
  readonly text: string;
  /** By which the server knows it. */
  readonly digest: string;
}

const bodies = {
  addAmounts,
  addKey,
  beat,
  beginTurn,
  countReplies,
  deleteSession,
  dropAmounts,
  endTurn,
  findUnusedChats,
  forgetAmounts,
  forgetOwners,
  freeUnknown,
  getSession,
  holdReplies,
  keysRevision,
  leaseAccount,
  listAccounts,
  listCallers,
  listKeys,
  listSubjects,
  listSessions,
  noteLeaving,
  noteReply,
  openConversation,
  probe,
  putAccount,
  readAmounts,
  readMessages,
  readSealed,
  releaseAccount,
  releaseTurn,
  removeAccount,
  removeKey,
  renewReplies,
  resealAccounts,
  reserveAmount,
  revokeKey,
  saveAccountState,
  sweep,
  agent,
  chat,
  conversations,
  replays,
  responses,
} as const;

export type ScriptName = keyof typeof bodies;

export function createScripts(): ReadonlyMap<ScriptName, Script> {
  const scripts = new Map<ScriptName, Script>();
  for (const [name, body] of Object.entries(bodies)) {
    const text = `${prelude}\n${body}`;
    // Object.entries forgets what the names are.
    scripts.set(name as ScriptName, { name, text, digest: new Bun.CryptoHasher("sha1").update(text).digest("hex") });
  }
  return scripts;
}
