// The half of the SQLite driver that runs turns: which chat a request continues, who holds it, what was said in it.

import type { Continuation } from "../contract/continuation.ts";
import type { Connection, Moment } from "./connection.ts";
import { hashListKey } from "./hash-list.ts";
import { isDead, thisProcess } from "./lease-owner.ts";
import type { LeaseRow, PositionRow } from "./questions.ts";
import type { NewConversation, Store, TurnClaim, TurnLookup, TurnRecord } from "./store.ts";

/** A lease that was not renewed for this long may be taken over. */
const leaseMs = 60_000;
const renewEveryMs = leaseMs / 3;

/** Greater than any time: no lease counts. */
const ignoringLeases = Number.MAX_SAFE_INTEGER;

/** What ends a claim. Kept in this process alone: a claim does not outlive the process that made it. */
interface HeldClaim {
  readonly claim: TurnClaim;
  readonly caller: string;
  readonly conversationKey: number;
  /** The turn that is continued; null in an empty chat. */
  readonly baseTurnId: number | null;
  /** Answers before this turn. */
  readonly baseCount: number;
}

type TurnMethods = "beginTurn" | "openConversation" | "noteReply" | "endTurn" | "releaseTurn";

export class SqliteTurns implements Pick<Store, TurnMethods> {
  readonly #connection: Connection;
  readonly #owner = thisProcess();
  readonly #held = new Map<string, HeldClaim>();
  #renewedAtMs = 0;
  #renewal: ReturnType<typeof setInterval> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#abandonLeasesOfTheDead();
  }

  async beginTurn(caller: string, lookup: TurnLookup): Promise<TurnClaim | "busy" | undefined> {
    if (lookup.by === "history" && lookup.prefixes.length === 0) return undefined;
    const begun = await this.#connection.write((moment) => {
      // A timer that is late (a laptop that slept) must not cost the turns that still run here.
      if (moment.nowMs - this.#renewedAtMs >= renewEveryMs) this.#renewLeases(moment.nowMs);
      const position =
        lookup.by === "head"
          ? this.#findHead(caller, lookup.sessionId, moment)
          : this.#findTurn(caller, lookup, moment);
      if (position === undefined || position === "busy") return position;
      return this.#claimPosition(caller, position.row, position.prefixIndex, moment.nowMs);
    });
    if (begun === undefined || begun === "busy") return begun;
    return this.#hold(begun);
  }

  async openConversation(caller: string, conversation: NewConversation): Promise<TurnClaim> {
    const replaced = conversation.replaces && this.#letGo(conversation.replaces);
    const opened = await this.#connection.write(({ nowMs }) => {
      if (replaced !== undefined) this.#freeLease(replaced, nowMs, 0);
      const kept = replaced && this.#replaceChat(replaced, conversation, nowMs);
      const place = kept ?? this.#createConversation(caller, conversation, replaced, nowMs);
      const chat = chatOf(conversation.upstream, conversation.account, conversation.continuation);
      const claimId = crypto.randomUUID();
      this.#connection.questions.takeLease.run({ ...chat, claimId, ...this.#owner, leasedUntilMs: nowMs + leaseMs });
      const { nodeId, parentId, responseId } = conversation.continuation;
      this.#connection.questions.noteReply.run({ ...chat, claimId, nodeId, parentId, responseId });
      const claim: TurnClaim = {
        claimId,
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
      return { claim, caller, ...place };
    });
    return this.#hold(opened);
  }

  async noteReply(claim: TurnClaim, continuation: Continuation): Promise<void> {
    const held = this.#held.get(claim.claimId);
    if (held === undefined) return;
    const { nodeId, parentId, responseId } = continuation;
    await this.#connection.write(() => {
      this.#connection.questions.noteReply.run({ ...leaseOf(held), nodeId, parentId, responseId });
    });
  }

  async endTurn(claim: TurnClaim, record: TurnRecord): Promise<void> {
    const held = this.#letGo(claim);
    if (held === undefined) return;
    await this.#connection.write(({ nowMs }) => {
      this.#freeLease(held, nowMs, record.settleMs);
      this.#rememberTurn(held, record, nowMs);
    });
  }

  async releaseTurn(claim: TurnClaim, settleMs: number): Promise<void> {
    const held = this.#letGo(claim);
    if (held === undefined) return;
    await this.#connection.write(({ nowMs }) => this.#freeLease(held, nowMs, settleMs));
  }

  /** Gives up what is held, so that the next process need not wait; replies that were noted stay noted. */
  abandonClaims(): void {
    const held = [...this.#held.values()];
    for (const one of held) this.#letGo(one.claim);
    if (held.length === 0) return;
    this.#connection.writeNow(() => {
      for (const one of held) this.#connection.questions.abandonLease.run(leaseOf(one));
    });
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
    const claimId = crypto.randomUUID();
    questions.takeLease.run({ upstream, account, chatId, claimId, ...this.#owner, leasedUntilMs: nowMs + leaseMs });
    questions.touchConversation.run({ conversationKey: row.conversationKey, nowMs });
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
    const conversationKey = this.#insertConversation({
      ...chat,
      ...{ nodeId: null, parentId: null, responseId: null },
      ...{ publicId: conversationId, caller, sessionId, nowMs },
      model: conversation.model,
      messageCount: conversation.priorReplies,
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
      ? this.#insertConversation({ ...answer, publicId: crypto.randomUUID(), caller, sessionId: claim.sessionId })
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

  #freeLease(held: HeldClaim, nowMs: number, settleMs: number): void {
    this.#connection.questions.freeLease.run({ ...leaseOf(held), readyAtMs: nowMs + Math.ceil(settleMs) });
  }

  #hold(held: HeldClaim): TurnClaim {
    this.#held.set(held.claim.claimId, held);
    this.#renewal ??= setInterval(() => this.#renewOnTime(), renewEveryMs).unref();
    return held.claim;
  }

  /** From here on the claim is not renewed: should its ending fail, its lease runs out by itself. */
  #letGo(claim: TurnClaim): HeldClaim | undefined {
    const held = this.#held.get(claim.claimId);
    this.#held.delete(claim.claimId);
    if (this.#held.size === 0) {
      clearInterval(this.#renewal);
      this.#renewal = undefined;
    }
    return held;
  }

  #renewOnTime(): void {
    try {
      this.#connection.writeNow(({ nowMs }) => this.#renewLeases(nowMs));
    } catch (error) {
      // The next tick comes well before the leases end.
      this.#connection.log.warn("leases not renewed", { claims: this.#held.size, reason: String(error) });
    }
  }

  #renewLeases(nowMs: number): void {
    this.#renewedAtMs = nowMs;
    for (const held of this.#held.values()) {
      this.#connection.questions.renewLease.run({ ...leaseOf(held), leasedUntilMs: nowMs + leaseMs });
    }
  }

  #abandonLeasesOfTheDead(): void {
    const { questions, log } = this.#connection;
    try {
      this.#connection.writeNow(({ nowMs }) => {
        const dead = questions.findLeaseOwners.all({ nowMs }).filter((owner) => isDead(owner, this.#owner));
        for (const { ownerHost, ownerPid, ownerStartedMs } of dead) {
          const { changes } = questions.abandonLeasesOf.run({ ownerHost, ownerPid, ownerStartedMs });
          log.info("chats of a dead process freed", { pid: ownerPid, chats: changes });
        }
      });
    } catch (error) {
      // Locked by a busy neighbour: the leases run out by themselves.
      log.warn("chats of dead processes not freed", { reason: String(error) });
    }
  }
}

function chatOf(upstream: string, account: string, { chatId }: Continuation) {
  return { upstream, account, chatId };
}

function leaseOf({ claim }: HeldClaim) {
  return { ...chatOf(claim.upstream, claim.account, claim.continuation), claimId: claim.claimId };
}

function interruptedReply(chatId: string, lease: LeaseRow | null): Continuation | undefined {
  if (lease === null || (lease.replyNodeId === null && lease.replyResponseId === null)) return undefined;
  const { replyNodeId, replyResponseId, replyParentId } = lease;
  return { chatId, nodeId: replyNodeId, responseId: replyResponseId, parentId: replyParentId };
}
