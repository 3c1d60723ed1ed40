// The part of the SQLite driver that runs turns: which chat a request continues, who holds it, what was said in it.

import type { Message } from "../../contract/chat-request.ts";
import type { Continuation } from "../../contract/continuation.ts";
import { claimAt } from "./claim-at.ts";
import type { Connection } from "./connection.ts";
import { findPosition } from "./find-position.ts";
import { hashListKey } from "../hash-list.ts";
import { type HeldClaim, type HeldClaims, leaseOf } from "./held-claims.ts";
import type { Opening, Openings } from "./openings.ts";
import { turnBits } from "./question-texts.ts";
import type { ConversationRow, LeaseRow, NewConversationRow, PositionRow } from "./questions.ts";
import { SqliteMessages } from "./messages.ts";
import type { NewConversation, Store, TurnClaim, TurnLookup, TurnRecord } from "../store.ts";
import type { TurnMethods } from "../store-parts.ts";
import { claimOn } from "../claim-on.ts";
import { sessionOf } from "../session-of-turn.ts";

/** A conversation that is full goes on as another one. */
const turnsPerConversation = 2 ** turnBits;
/** More than an upstream keeps ready for the repetition of a first turn that failed. */
const maxUnanswered = 1000;

export class SqliteTurns implements Pick<Store, TurnMethods> {
  readonly #connection: Connection;
  readonly #claims: HeldClaims;
  readonly #openings: Openings;
  readonly #messages: SqliteMessages;
  readonly #begun = {
    committed: (begun: HeldClaim | "busy" | undefined): TurnClaim | "busy" | undefined =>
      typeof begun === "object" ? this.#claims.hold(begun) : begun,
    failed(): void {},
  };
  /** Chats whose first turn came to nothing here: a session may lead to them until they are opened anew. */
  readonly #unanswered = new Set<string>();

  constructor(connection: Connection, claims: HeldClaims, openings: Openings) {
    this.#connection = connection;
    this.#claims = claims;
    this.#openings = openings;
    this.#messages = new SqliteMessages(connection);
  }

  beginTurn(caller: string, lookup: TurnLookup): Promise<TurnClaim | "busy" | undefined> {
    if (lookup.by === "head") return this.#beginAtHead(caller, lookup);
    return lookup.prefixes.length === 0 ? Promise.resolve(undefined) : this.#beginAt(caller, lookup);
  }

  async #beginAtHead(
    caller: string,
    lookup: TurnLookup & { readonly by: "head" },
  ): Promise<TurnClaim | "busy" | undefined> {
    await this.#openings.write(({ claim, caller: by }) => by === caller && claim.sessionId === lookup.sessionId);
    return this.#beginAt(caller, lookup);
  }

  #beginAt(caller: string, lookup: TurnLookup): Promise<TurnClaim | "busy" | undefined> {
    return this.#connection.writeThen((moment) => {
      this.#claims.renewIfDue(moment.nowMs);
      const position = findPosition(this.#connection.questions, caller, lookup, moment);
      if (position === undefined || position === "busy") return position;
      return this.#claimPosition(caller, position.row, position.prefixIndex, moment.nowMs);
    }, this.#begun);
  }

  openConversation(caller: string, conversation: NewConversation): Promise<TurnClaim> {
    const { byHead, continuation, replaces } = conversation;
    const mayBeFound = byHead || replaces !== undefined || this.#unanswered.has(continuation.chatId);
    if (mayBeFound) return this.#writeConversation(caller, conversation);
    return Promise.resolve(this.#keepOpening(caller, conversation));
  }

  async #writeConversation(caller: string, conversation: NewConversation): Promise<TurnClaim> {
    const { continuation, replaces } = conversation;
    if (replaces !== undefined) await this.#openings.write(({ claim }) => claim.claimId === replaces.claimId);
    // Of another caller's claim nothing is taken over.
    const isOwn = replaces !== undefined && this.#claims.get(replaces)?.caller === caller;
    const replaced = isOwn ? this.#claims.letGo(replaces) : undefined;
    const opened = await this.#connection.write(({ nowMs }) => {
      if (replaced !== undefined) this.#claims.free(replaced.claim, nowMs, 0);
      const kept = replaced && this.#replaceChat(replaced, conversation, nowMs);
      const place = kept ?? this.#createConversation(caller, conversation, replaced, nowMs);
      const claim = claimOn(conversation, place);
      this.#claims.take(leaseOf(claim), place.conversationKey, nowMs);
      this.#claims.note(claim, continuation);
      return { claim, caller, ...place };
    });
    this.#unanswered.delete(continuation.chatId);
    return this.#claims.hold(opened);
  }

  noteReply(claim: TurnClaim, continuation: Continuation): Promise<void> {
    const opening = this.#openings.get(claim);
    if (opening !== undefined) opening.reply = continuation;
    const held = this.#claims.get(claim);
    return held === undefined ? Promise.resolve() : this.#noteHeld(held, continuation);
  }

  endTurn(claim: TurnClaim, record: TurnRecord): Promise<void> {
    const opening = this.#openings.get(claim);
    if (opening !== undefined) return this.#endFirstTurn(opening, record);
    const held = this.#claims.letGo(claim);
    return held === undefined ? Promise.resolve() : this.#endHeldTurn(held, record);
  }

  // Apart, so that whoever has nothing to write makes no closure.
  #noteHeld({ claim }: HeldClaim, continuation: Continuation): Promise<void> {
    return this.#connection.write(() => this.#claims.note(claim, continuation));
  }

  #endFirstTurn(opening: Opening, record: TurnRecord): Promise<void> {
    return this.#openings.end(opening, ({ nowMs }) => this.#rememberFirstTurn(opening, record, nowMs));
  }

  #endHeldTurn(held: HeldClaim, record: TurnRecord): Promise<void> {
    return this.#connection.write(({ nowMs }) => {
      this.#claims.free(held.claim, nowMs, record.settleMs);
      this.#rememberTurn(held, record, nowMs);
    });
  }

  readMessages({ conversationId }: TurnClaim): Promise<readonly Message[]> {
    return this.#messages.read(conversationId);
  }

  async releaseTurn(claim: TurnClaim, settleMs: number): Promise<void> {
    const opening = this.#openings.get(claim);
    const held = this.#claims.letGo(claim);
    if (opening === undefined && held === undefined) return;
    if (claim.continuation.nodeId === null) this.#rememberUnanswered(claim.continuation.chatId);
    if (opening !== undefined) {
      await this.#openings.end(opening, ({ nowMs }) => this.#rememberOpening(opening, settleMs, nowMs));
    }
    if (held === undefined) return;
    await this.#connection.write(({ nowMs }) => {
      this.#claims.free(held.claim, nowMs, settleMs);
      const { conversationKey } = held;
      const publicId = held.claim.conversationId;
      this.#connection.questions.touchConversation.run({ conversationKey, publicId, nowMs });
    });
  }

  /** Before the connection is closed. */
  abandonClaims(): void {
    try {
      this.#openings.writeAll();
    } finally {
      this.#claims.abandonAll();
    }
  }

  #claimPosition(caller: string, row: PositionRow, prefixIndex: number | undefined, nowMs: number): HeldClaim {
    const { questions } = this.#connection;
    const lease = this.#findLease(row);
    const claim = claimAt(row, prefixIndex, lease);
    this.#claims.take(leaseOf(claim), row.conversationKey, nowMs);
    // The access of a turn that is found by its history counts when it ends: that writes the same pages once.
    if (prefixIndex === undefined) questions.touchHead.run({ conversationKey: row.conversationKey, nowMs });
    const { conversationKey, turnId, messageCount } = row;
    return { claim, caller, conversationKey, baseTurnId: turnId, baseCount: messageCount };
  }

  /** Nobody is led there by a history, so there is nothing to write and nothing to hold before it has an answer. */
  #keepOpening(caller: string, conversation: NewConversation): TurnClaim {
    const { sessionId, model, priorReplies, continuation } = conversation;
    const claim = claimOn(conversation, { sessionId, conversationId: Bun.randomUUIDv7() });
    const openedAtMs = this.#connection.moment().nowMs;
    this.#openings.add({ claim, caller, model, priorReplies, openedAtMs, reply: continuation });
    return claim;
  }

  #rememberFirstTurn(opening: Opening, record: TurnRecord, nowMs: number): void {
    const { continuation, model, settleMs } = record;
    const conversationKey = this.#openings.insert(opening, { node: continuation, model }, nowMs);
    this.#insertTurn(conversationKey * turnsPerConversation, opening.claim, record, opening.priorReplies + 1, nowMs);
    this.#messages.append(opening.claim.conversationId, record.said ?? []);
    if (settleMs > 0) this.#settle(opening, conversationKey, settleMs, nowMs);
  }

  #rememberOpening(opening: Opening, settleMs: number, nowMs: number): void {
    const conversationKey = this.#openings.insert(opening, undefined, nowMs);
    if (settleMs > 0) this.#settle(opening, conversationKey, settleMs, nowMs);
  }

  #settle({ claim }: Opening, conversationKey: number, settleMs: number, nowMs: number): void {
    this.#claims.take(leaseOf(claim), conversationKey, nowMs);
    this.#claims.free(claim, nowMs, settleMs);
  }

  #rememberUnanswered(chatId: string): void {
    this.#unanswered.add(chatId);
    const [oldest] = this.#unanswered;
    if (this.#unanswered.size > maxUnanswered && oldest !== undefined) this.#unanswered.delete(oldest);
  }

  #createConversation(
    caller: string,
    conversation: NewConversation,
    replaced: HeldClaim | undefined,
    nowMs: number,
  ): Omit<HeldClaim, "claim" | "caller"> & { sessionId: string; conversationId: string } {
    const sessionId = replaced?.claim.sessionId ?? conversation.sessionId;
    const conversationId = Bun.randomUUIDv7();
    const chat = chatOf(conversation.upstream, conversation.account, conversation.continuation);
    this.#connection.questions.forgetUnanswered.run({ ...chat, caller, nowMs });
    const conversationKey = this.#insertConversation({
      ...chat,
      ...{ nodeId: null, parentId: null, responseId: null, headTurn: null, mayShareChat: 1 },
      ...{ publicId: conversationId, caller, sessionId, createdAtMs: nowMs, nowMs },
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
    const chat = chatOf(by.upstream, by.account, by.continuation);
    const existing = this.#findConversation(replaced, chat, nowMs);
    if (existing === null || isContinued(replaced, existing)) return undefined;
    const messageCount = Math.max(existing.messageCount, by.priorReplies);
    questions.replaceChat.run({ ...chat, conversationKey, model: by.model, messageCount, nowMs });
    const { sessionId, conversationId } = replaced.claim;
    return { sessionId, conversationId, conversationKey, baseTurnId, baseCount: messageCount };
  }

  #rememberTurn(held: HeldClaim, record: TurnRecord, nowMs: number): void {
    const { questions } = this.#connection;
    const { baseTurnId, conversationKey } = held;
    const chat = chatOf(held.claim.upstream, held.claim.account, record.continuation);
    const conversation = this.#findConversation(held, chat, nowMs);
    // Deleted while the turn ran: it stays deleted.
    if (conversation === null) return;
    const isElsewhere = baseTurnId !== null && sessionOf(held.claim, record) !== held.claim.sessionId;
    if (isElsewhere || isContinued(held, conversation)) this.#rememberBranch(held, record, nowMs);
    else {
      const messageCount = conversation.messageCount + 1;
      const turnId = this.#nextTurnId(conversationKey, conversation);
      this.#insertTurn(turnId, held.claim, record, messageCount, nowMs);
      this.#messages.append(held.claim.conversationId, record.said ?? []);
      if (conversation.isInChat === 0) questions.returnToChat.run({ ...chat, conversationKey });
      const { nodeId, parentId, responseId } = record.continuation;
      const headTurn = turnId % turnsPerConversation;
      const { model } = record;
      questions.moveHead.run({ conversationKey, nodeId, parentId, responseId, headTurn, model, messageCount, nowMs });
      if (conversation.isInSpan === 0) questions.moveSpan.run({ conversationKey, nowMs });
    }
    if (baseTurnId !== null && conversation.baseContinued !== 1 && !isElsewhere)
      questions.markContinued.run({ turnId: baseTurnId });
  }

  #rememberBranch({ claim, caller, conversationKey, baseCount }: HeldClaim, record: TurnRecord, nowMs: number): void {
    const { nodeId, parentId, responseId } = record.continuation;
    const publicId = Bun.randomUUIDv7();
    const branchKey = this.#insertConversation({
      ...chatOf(claim.upstream, claim.account, record.continuation),
      ...{ nodeId, parentId, responseId, headTurn: 0, mayShareChat: 1 },
      ...{ publicId, caller, sessionId: sessionOf(claim, record), createdAtMs: nowMs, nowMs },
      model: record.model,
      messageCount: baseCount + 1,
      byHead: claim.prefixIndex === undefined ? 1 : 0,
    });
    this.#insertTurn(branchKey * turnsPerConversation, claim, record, baseCount + 1, nowMs);
    if (record.said !== undefined) this.#messages.copy(claim.conversationId, publicId);
    this.#messages.append(publicId, record.said ?? []);
    this.#connection.questions.markShared.run({ conversationKey });
  }

  /** The head is the last turn, unless its chat was replaced. */
  #nextTurnId(conversationKey: number, { headTurn }: ConversationRow): number {
    const first = conversationKey * turnsPerConversation;
    if (headTurn !== null) return first + headTurn + 1;
    const last = this.#connection.questions.findLastTurn.get({ conversationKey })?.turnId ?? first - 1;
    return last + 1;
  }

  #insertTurn(turnId: number, claim: TurnClaim, record: TurnRecord, messageCount: number, nowMs: number): void {
    const { chatId, nodeId, parentId, responseId } = record.continuation;
    const { fingerprint, sessionHint } = record;
    this.#connection.questions.rememberTurn.run({
      upstream: claim.upstream,
      account: claim.account,
      chatId,
      turnId,
      nodeId,
      parentId,
      responseId,
      messageCount,
      nowMs,
      model: record.model,
      fingerprint: fingerprint.strict,
      loose: sessionHint === undefined ? null : fingerprint.loose,
      lastTurn: sessionHint === undefined ? null : fingerprint.lastTurn,
      sessionHint: sessionHint ?? null,
      systemKey: hashListKey(record.systemHashes),
      systemHashes: JSON.stringify(record.systemHashes),
      toolHashes: JSON.stringify(record.toolHashes),
    });
  }

  #findConversation(
    { claim: { conversationId: publicId }, conversationKey, baseTurnId }: HeldClaim,
    { upstream, account, chatId }: ReturnType<typeof chatOf>,
    nowMs: number,
  ): ConversationRow | null {
    const { findConversation } = this.#connection.questions;
    return findConversation.get({ conversationKey, publicId, baseTurnId, upstream, account, chatId, nowMs });
  }

  #insertConversation(row: NewConversationRow): number {
    return Number(this.#connection.questions.createConversation.run(row).lastInsertRowid);
  }

  #findLease({ upstream, account, chatId }: PositionRow): LeaseRow | null {
    return this.#connection.questions.findLease.get({ upstream, account, chatId });
  }
}

/** Whether this place was answered by somebody else, or has no room: the answer then becomes a branch. */
function isContinued({ baseTurnId }: HeldClaim, { headTurn, baseContinued }: ConversationRow): boolean {
  if (headTurn !== null && headTurn + 1 >= turnsPerConversation) return true;
  return baseTurnId === null ? headTurn !== null : baseContinued === 1;
}

function chatOf(upstream: string, account: string, { chatId }: Continuation) {
  return { upstream, account, chatId };
}
