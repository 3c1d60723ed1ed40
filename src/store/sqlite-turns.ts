// The half of the SQLite driver that runs turns: which chat a request continues, who holds it, what was said in it.

import type { Continuation } from "../contract/continuation.ts";
import type { Connection, Moment } from "./connection.ts";
import { hashListKey } from "./hash-list.ts";
import type { HeldClaim } from "./held-claims.ts";
import { HeldClaims } from "./held-claims.ts";
import type { LeaseRow, PositionRow } from "./questions.ts";
import type { NewConversation, Store, TurnClaim, TurnLookup, TurnRecord } from "./store.ts";

/** Greater than any time: no lease counts. */
const ignoringLeases = Number.MAX_SAFE_INTEGER;

type TurnMethods = "beginTurn" | "openConversation" | "noteReply" | "endTurn" | "releaseTurn";

export class SqliteTurns implements Pick<Store, TurnMethods> {
  readonly #connection: Connection;
  readonly #claims: HeldClaims;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#claims = new HeldClaims(connection);
  }

  async beginTurn(caller: string, lookup: TurnLookup): Promise<TurnClaim | "busy" | undefined> {
    if (lookup.by === "history" && lookup.prefixes.length === 0) return undefined;
    const begun = await this.#connection.write((moment) => {
      this.#claims.renewIfDue(moment.nowMs);
      const position =
        lookup.by === "head"
          ? this.#findHead(caller, lookup.sessionId, moment)
          : this.#findTurn(caller, lookup, moment);
      if (position === undefined || position === "busy") return position;
      return this.#claimPosition(caller, position.row, position.prefixIndex, moment.nowMs);
    });
    if (begun === undefined || begun === "busy") return begun;
    return this.#claims.hold(begun);
  }

  async openConversation(caller: string, conversation: NewConversation): Promise<TurnClaim> {
    const { replaces } = conversation;
    // Of another caller's claim nothing is taken over.
    const isOwn = replaces !== undefined && this.#claims.get(replaces)?.caller === caller;
    const replaced = isOwn ? this.#claims.letGo(replaces) : undefined;
    const opened = await this.#connection.write(({ nowMs }) => {
      if (replaced !== undefined) this.#claims.free(replaced.claim, nowMs, 0);
      const kept = replaced && this.#replaceChat(replaced, conversation, nowMs);
      const place = kept ?? this.#createConversation(caller, conversation, replaced, nowMs);
      const chat = chatOf(conversation.upstream, conversation.account, conversation.continuation);
      const claim: TurnClaim = {
        claimId: this.#claims.take(chat, nowMs),
        sessionId: place.sessionId,
        conversationId: place.conversationId,
        upstream: conversation.upstream,
        account: conversation.account,
        continuation: { chatId: chat.chatId, nodeId: null, responseId: null, parentId: null },
        prefixIndex: undefined,
        systemHashes: [],
        toolHashes: [],
        interrupted: undefined,
        readyAtMs: 0,
      };
      this.#claims.note(claim, conversation.continuation);
      return { claim, caller, ...place };
    });
    return this.#claims.hold(opened);
  }

  async noteReply(claim: TurnClaim, continuation: Continuation): Promise<void> {
    const held = this.#claims.get(claim);
    if (held === undefined) return;
    await this.#connection.write(() => this.#claims.note(held.claim, continuation));
  }

  async endTurn(claim: TurnClaim, record: TurnRecord): Promise<void> {
    const held = this.#claims.letGo(claim);
    if (held === undefined) return;
    await this.#connection.write(({ nowMs }) => {
      this.#claims.free(held.claim, nowMs, record.settleMs);
      this.#rememberTurn(held, record, nowMs);
    });
  }

  async releaseTurn(claim: TurnClaim, settleMs: number): Promise<void> {
    const held = this.#claims.letGo(claim);
    if (held === undefined) return;
    await this.#connection.write(({ nowMs }) => this.#claims.free(held.claim, nowMs, settleMs));
  }

  /** Before the connection is closed. */
  abandonClaims(): void {
    this.#claims.abandonAll();
  }

  #findHead(caller: string, sessionId: string, { nowMs, oldestMs }: Moment) {
    const row = this.#connection.questions.findHead.get({ caller, sessionId, oldestMs });
    if (row === null) return undefined;
    const lease = this.#findLease(row);
    if (lease !== null && lease.leasedUntilMs > nowMs) return "busy";
    return { row, prefixIndex: undefined };
  }

  #findTurn(caller: string, lookup: TurnLookup & { by: "history" }, { nowMs, oldestMs }: Moment) {
    const { findKnownPrefixes, findTurn, findLooseTurn } = this.#connection.questions;
    const sessionHint = lookup.sessionHint ?? null;
    const known = findKnownPrefixes.all({ caller, prefixes: JSON.stringify(lookup.prefixes), sessionHint });
    const search = { caller, sessionHint, systemKey: hashListKey(lookup.systemHashes), oldestMs };
    for (const { prefixIndex } of known) {
      const prefix = lookup.prefixes[prefixIndex];
      if (prefix === undefined) continue;
      const { strict, loose, lastTurn } = prefix;
      const byStrict = (leasedAfterMs: number) => findTurn.get({ ...search, fingerprint: strict, leasedAfterMs });
      const byLoose = (leasedAfterMs: number) => findLooseTurn.get({ ...search, loose, lastTurn, leasedAfterMs });
      for (const ask of sessionHint === null ? [byStrict] : [byStrict, byLoose]) {
        const row = ask(nowMs);
        if (row !== null) return { row, prefixIndex };
        // All that fits is leased: neither the loose fingerprint nor a shorter prefix may stand in for it.
        if (ask(ignoringLeases) !== null) return undefined;
      }
    }
    return undefined;
  }

  #claimPosition(caller: string, row: PositionRow, prefixIndex: number | undefined, nowMs: number): HeldClaim {
    const { questions } = this.#connection;
    const { upstream, account, chatId } = row;
    const lease = this.#findLease(row);
    const claimId = this.#claims.take({ upstream, account, chatId }, nowMs);
    const byHead = prefixIndex === undefined ? 1 : 0;
    questions.touchConversation.run({ conversationKey: row.conversationKey, byHead, nowMs });
    const claim: TurnClaim = {
      claimId,
      sessionId: row.sessionId,
      conversationId: row.conversationId,
      upstream,
      account,
      continuation: { chatId, nodeId: row.nodeId, responseId: row.responseId, parentId: row.parentId },
      prefixIndex,
      systemHashes: JSON.parse(row.systemHashes),
      toolHashes: JSON.parse(row.toolHashes),
      interrupted: interruptedReply(chatId, lease),
      readyAtMs: lease?.readyAtMs ?? 0,
    };
    const { conversationKey, turnId, messageCount } = row;
    return { claim, caller, conversationKey, baseTurnId: turnId, baseCount: messageCount };
  }

  #createConversation(
    caller: string,
    conversation: NewConversation,
    replaced: HeldClaim | undefined,
    nowMs: number,
  ): Omit<HeldClaim, "claim" | "caller"> & { sessionId: string; conversationId: string } {
    const sessionId = replaced?.claim.sessionId ?? conversation.sessionId;
    const conversationId = crypto.randomUUID();
    const chat = chatOf(conversation.upstream, conversation.account, conversation.continuation);
    this.#connection.questions.forgetUnanswered.run({ ...chat, caller, nowMs });
    const conversationKey = this.#insertConversation({
      ...chat,
      ...{ nodeId: null, parentId: null, responseId: null },
      ...{ publicId: conversationId, caller, sessionId, nowMs },
      model: conversation.model,
      messageCount: conversation.priorReplies,
      byHead: conversation.byHead ? 1 : 0,
    });
    return { sessionId, conversationId, conversationKey, baseTurnId: null, baseCount: conversation.priorReplies };
  }

  /** @returns undefined when the replaced claim would have branched off, or its conversation was deleted meanwhile. */
  #replaceChat(replaced: HeldClaim, by: NewConversation, nowMs: number) {
    const { questions } = this.#connection;
    const { conversationKey, baseTurnId } = replaced;
    const existing = questions.findConversation.get({ conversationKey });
    if (existing === null || this.#isContinued(baseTurnId, existing.headTurnId)) return undefined;
    const messageCount = Math.max(existing.messageCount, by.priorReplies);
    const chat = chatOf(by.upstream, by.account, by.continuation);
    questions.replaceChat.run({ ...chat, conversationKey, model: by.model, messageCount, nowMs });
    const { sessionId, conversationId } = existing;
    return { sessionId, conversationId, conversationKey, baseTurnId, baseCount: messageCount };
  }

  #rememberTurn(held: HeldClaim, record: TurnRecord, nowMs: number): void {
    const { questions } = this.#connection;
    const conversation = questions.findConversation.get({ conversationKey: held.conversationKey });
    // Deleted while the turn ran: it stays deleted.
    if (conversation === null) return;
    const branches = this.#isContinued(held.baseTurnId, conversation.headTurnId);
    const messageCount = (branches ? held.baseCount : conversation.messageCount) + 1;
    const { nodeId, parentId, responseId } = record.continuation;
    const { caller, claim } = held;
    const { model } = record;
    const answer = {
      ...chatOf(claim.upstream, claim.account, record.continuation),
      ...{ nodeId, parentId, responseId, model, messageCount, nowMs },
    };
    const conversationKey = branches
      ? this.#insertConversation({
          ...answer,
          publicId: crypto.randomUUID(),
          caller,
          sessionId: claim.sessionId,
          byHead: claim.prefixIndex === undefined ? 1 : 0,
        })
      : held.conversationKey;
    const turn = questions.rememberTurn.get({
      ...answer,
      conversationKey,
      caller,
      fingerprint: record.fingerprint.strict,
      loose: record.fingerprint.loose,
      lastTurn: record.fingerprint.lastTurn,
      sessionHint: record.sessionHint ?? null,
      systemKey: hashListKey(record.systemHashes),
      systemHashes: JSON.stringify(record.systemHashes),
      toolHashes: JSON.stringify(record.toolHashes),
    });
    if (turn !== null) questions.moveHead.run({ ...answer, conversationKey, turnId: turn.id });
    if (held.baseTurnId !== null) questions.markContinued.run({ turnId: held.baseTurnId });
  }

  #insertConversation(row: Parameters<Connection["questions"]["createConversation"]["get"]>[0]): number {
    const created = this.#connection.questions.createConversation.get(row);
    if (created === null) throw new Error("Cannot create a conversation: the database returned no row");
    return created.id;
  }

  #isContinued(baseTurnId: number | null, headTurnId: number | null): boolean {
    if (baseTurnId === null) return headTurnId !== null;
    return this.#connection.questions.findContinued.get({ turnId: baseTurnId })?.continued === 1;
  }

  #findLease({ upstream, account, chatId }: PositionRow): LeaseRow | null {
    return this.#connection.questions.findLease.get({ upstream, account, chatId });
  }
}

function chatOf(upstream: string, account: string, { chatId }: Continuation) {
  return { upstream, account, chatId };
}

function interruptedReply(chatId: string, lease: LeaseRow | null): Continuation | undefined {
  if (lease === null || (lease.replyNodeId === null && lease.replyResponseId === null)) return undefined;
  const { replyNodeId, replyResponseId, replyParentId } = lease;
  return { chatId, nodeId: replyNodeId, responseId: replyResponseId, parentId: replyParentId };
}
