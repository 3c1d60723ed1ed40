// The half of the shared store that runs turns. What is chosen and what is atomic stands in the scripts.

import type { Message } from "../../contract/chat-request.ts";
import type { Continuation } from "../../contract/continuation.ts";
import { hashListKey } from "../hash-list.ts";
import type { NewConversation, Store, TurnClaim, TurnLookup, TurnRecord } from "../store.ts";
import { maxContentChars } from "../store-options.ts";
import type { TurnMethods } from "../store-parts.ts";
import { claimOn } from "../claim-on.ts";
import { sessionOf } from "../session-of-turn.ts";
import type { Claims, HeldClaim } from "./claims.ts";
import type { Session } from "./session.ts";

/** Longer than `goneMs` of scripts/prelude.lua. */
const endingWaitMs = 6000;
const endingPollMs = 50;

export class RedisTurns implements Pick<Store, TurnMethods | "noteLeaving"> {
  readonly #session: Session;
  readonly #claims: Claims;

  constructor(session: Session, claims: Claims) {
    this.#session = session;
    this.#claims = claims;
  }

  async beginTurn(caller: string, lookup: TurnLookup): Promise<TurnClaim | "busy" | undefined> {
    if (lookup.by === "history" && lookup.prefixes.length === 0) return undefined;
    const claimId = crypto.randomUUID();
    return this.#claims.whilePending(claimId, async () => {
      const ask = { claim: claimId, owner: this.#claims.owner, caller, ...askOf(lookup) };
      const found = await this.#findSettled(ask);
      if (found[0] !== "claim") return found[0] === "busy" ? "busy" : undefined;
      return this.#claims.hold(heldOf(claimId, caller, lookup, found));
    });
  }

  /** A chat that may be free in a moment is worth a wait: its client has left, or its gateway, as it seems, has died. */
  async #findSettled(ask: object): Promise<readonly string[]> {
    const deadlineMs = performance.now() + endingWaitMs;
    for (;;) {
      // Cast: what the script returns.
      const found = (await this.#session.askAgainIfLost("beginTurn", ask)) as string[];
      if (found[0] !== "ending" || performance.now() >= deadlineMs) return found;
      await Bun.sleep(endingPollMs);
    }
  }

  async openConversation(caller: string, conversation: NewConversation): Promise<TurnClaim> {
    const { replaces } = conversation;
    // Of another caller's claim nothing is taken over.
    const isOwn = replaces !== undefined && this.#claims.get(replaces)?.caller === caller;
    const replaced = isOwn ? this.#claims.letGo(replaces) : undefined;
    if (replaced !== undefined) return this.#replace(caller, conversation, replaced);
    const { sessionId } = conversation;
    const claim = claimOn(conversation, { sessionId, conversationId: Bun.randomUUIDv7() });
    // Nobody is led to a new chat, so nobody waits for it to be written: should that fail, its first answer makes it.
    const opened = this.#session
      .ask("openConversation", this.#openingOf(caller, conversation, claim))
      .catch((error: unknown) =>
        this.#session.log.debug("a conversation is written with its answer", { reason: String(error) }),
      );
    const { model, priorReplies: baseCount, byHead } = conversation;
    return this.#claims.hold({ claim, caller, model, base: undefined, baseCount, byHead, opened });
  }

  async noteReply(claim: TurnClaim, reply: Continuation): Promise<void> {
    if (this.#claims.get(claim) === undefined) return;
    // For whoever comes after a crash: the answer need not wait for it. What comes next comes behind it.
    void this.#session
      .ask("noteReply", { claim: claim.claimId, ...chatOf(claim), reply: nodeOf(reply) })
      .catch((error: unknown) => this.#session.log.debug("Cannot note a running reply", { reason: String(error) }));
  }

  async noteLeaving(claim: TurnClaim): Promise<void> {
    if (this.#claims.get(claim) === undefined) return;
    void this.#session
      .ask("noteLeaving", { claim: claim.claimId, ...chatOf(claim) })
      .catch((error: unknown) => this.#session.log.debug("Cannot note that a client left", { reason: String(error) }));
  }

  async endTurn(claim: TurnClaim, record: TurnRecord): Promise<void> {
    const held = this.#claims.letGo(claim);
    if (held === undefined) return;
    await this.#claims.whilePending(claim.claimId, async () => {
      await held.opened;
      const said = (record.said ?? []).map((message) => JSON.stringify(message));
      await this.#session.askUntilDone("endTurn", { ...this.#endOf(held), ...recordOf(held, record) }, said);
    });
  }

  async readMessages({ conversationId }: TurnClaim): Promise<readonly Message[]> {
    const texts = (await this.#session.ask("readMessages", { conversation: conversationId })) as string[];
    // Written by `endTurn`, from values of this type.
    return texts.map((text) => JSON.parse(text) as Message);
  }

  async releaseTurn(claim: TurnClaim, settleMs: number): Promise<void> {
    const held = this.#claims.letGo(claim);
    if (held === undefined) return;
    await this.#claims.whilePending(claim.claimId, async () => {
      await held.opened;
      await this.#session.askUntilDone("releaseTurn", { ...this.#endOf(held), settle: Math.max(0, settleMs) });
    });
  }

  async #replace(caller: string, conversation: NewConversation, replaced: HeldClaim): Promise<TurnClaim> {
    const { claim: before, base } = replaced;
    const fresh = claimOn(conversation, { sessionId: before.sessionId, conversationId: Bun.randomUUIDv7() });
    return this.#claims.whilePending(before.claimId, async () => {
      await replaced.opened;
      const opening = this.#openingOf(caller, conversation, fresh);
      const { claimId, conversationId: conversationBefore, sessionId: session } = before;
      const replaces = { claim: claimId, conversation: conversationBefore, session, ...chatOf(before), base };
      return this.#claims.whilePending(fresh.claimId, async () => {
        // Cast: what the script returns.
        const answer = (await this.#session.ask("openConversation", { ...opening, replaces })) as string[];
        const [conversationId = "", sessionId = "", newBase = "", count = "0"] = answer;
        const claim = { ...fresh, conversationId, sessionId };
        const { model, byHead } = conversation;
        const kept = { base: newBase || undefined, baseCount: Number(count), opened: undefined };
        return this.#claims.hold({ claim, caller, model, byHead, ...kept });
      });
    });
  }

  #openingOf(caller: string, conversation: NewConversation, claim: TurnClaim): object {
    const { model, priorReplies, byHead, continuation } = conversation;
    return {
      claim: claim.claimId,
      owner: this.#claims.owner,
      caller,
      conversation: claim.conversationId,
      session: claim.sessionId,
      ...chatOf(claim),
      reply: nodeOf(continuation),
      model,
      prior: priorReplies,
      byHead,
    };
  }

  #endOf({ claim }: HeldClaim): object {
    return { claim: claim.claimId, owner: this.#claims.owner, conversation: claim.conversationId, ...chatOf(claim) };
  }
}

function askOf(lookup: TurnLookup): object {
  if (lookup.by === "head") return { session: lookup.sessionId };
  const { prefixes, sessionHint, systemHashes } = lookup;
  return {
    system: hashListKey(systemHashes),
    strict: prefixes.map(({ strict }) => strict),
    ...(sessionHint === undefined
      ? {}
      : {
          hint: sessionHint,
          loose: prefixes.map(({ loose }) => loose),
          lastTurn: prefixes.map(({ lastTurn }) => lastTurn),
        }),
  };
}

function heldOf(claimId: string, caller: string, lookup: TurnLookup, found: readonly string[]): HeldClaim {
  const [, conversationId = "", sessionId = "", upstream = "", account = "", chatId = ""] = found;
  const [nodeId = "", parentId = "", responseId = "", systemHashes = "[]", toolHashes = "[]"] = found.slice(6);
  const [base = "", count = "0", ...reply] = found.slice(11);
  const [replyNode = "", replyParent = "", replyResponse = "", readyAtMs = "0", prefixIndex = ""] = reply;
  const claim: TurnClaim = {
    claimId,
    sessionId,
    conversationId,
    upstream,
    account,
    continuation: { chatId, nodeId: nodeId || null, responseId: responseId || null, parentId: parentId || null },
    prefixIndex: prefixIndex === "" ? undefined : Number(prefixIndex),
    // Written by `endTurn`, from lists of texts.
    systemHashes: JSON.parse(systemHashes) as string[],
    toolHashes: JSON.parse(toolHashes) as string[],
    interrupted:
      replyNode === "" && replyResponse === ""
        ? undefined
        : { chatId, nodeId: replyNode || null, responseId: replyResponse || null, parentId: replyParent || null },
    readyAtMs: Number(readyAtMs),
  };
  const byHead = lookup.by === "head";
  return { claim, caller, model: "", base: base || undefined, baseCount: Number(count), byHead, opened: undefined };
}

function recordOf({ claim, caller, base, baseCount, byHead }: HeldClaim, record: TurnRecord): object {
  const { fingerprint, sessionHint, continuation, model, settleMs } = record;
  return {
    caller,
    session: sessionOf(claim, record),
    base,
    baseCount,
    byHead,
    branchByHead: claim.prefixIndex === undefined,
    branch: Bun.randomUUIDv7(),
    model,
    settle: Math.max(0, settleMs),
    mostChars: maxContentChars,
    turn: {
      strict: fingerprint.strict,
      ...(sessionHint === undefined
        ? {}
        : { loose: fingerprint.loose, lastTurn: fingerprint.lastTurn, hint: sessionHint }),
      system: hashListKey(record.systemHashes),
      systemHashes: JSON.stringify(record.systemHashes),
      toolHashes: JSON.stringify(record.toolHashes),
      chat: continuation.chatId,
      ...nodeOf(continuation),
    },
  };
}

function chatOf({ upstream, account, continuation: { chatId } }: TurnClaim) {
  return { upstream, account, chat: chatId };
}

/** The server's hashes know no null. */
function nodeOf({ nodeId, parentId, responseId }: Continuation) {
  return { node: nodeId ?? "", parent: parentId ?? "", response: responseId ?? "" };
}
