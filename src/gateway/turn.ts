// The turn of an exchange: the claim on its chat, and its commit or release. What it continues, turns.ts finds.

import type { ChatRequest } from "../contract/chat-request.ts";
import type { Continuation } from "../contract/continuation.ts";
import type { Resume, UpstreamReply } from "../contract/upstream.ts";
import type { HistoryFingerprints } from "../conversation/fingerprints.ts";
import { createReplyDigest, type ReplyDigest } from "../conversation/reply-digest.ts";
import type { SessionHints } from "../conversation/session-hints.ts";
import { firstUserText, sessionIdOf } from "../conversation/session-id.ts";
import { unseenMessages } from "../conversation/unseen-messages.ts";
import type { PrefixFingerprint, Store, TurnClaim } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { TimeLimit } from "./time-limit.ts";

/** `started` any number of times, then `commit` or `release`, of which only the first counts. `leave` may come before. */
export interface Turn {
  /**
   * Finds what the turn continues and leases its chat; called once, before all else.
   * @param upstreams names of the upstreams that may serve it and keep conversations; a chat of another one is no use
   * @throws {GatewayError} when the request continues nothing and has no user message, or its session stays busy
   */
  begin(signal: AbortSignal, upstreams: readonly string[]): Promise<void>;
  /** As the client named it, else made of its first words. Undefined where nobody keeps the conversation. */
  readonly sessionId: string | undefined;
  /** The upstream that has seen the conversation. Undefined: none has, or the turn has not begun. */
  readonly upstream: string | undefined;
  readonly resume: Resume | undefined;
  /** Notes where a reply that has begun stands. Never rejects. */
  started(upstream: string, reply: UpstreamReply, continuation: Continuation): Promise<void>;
  /** Takes what the client is sent, so that the next request finds this turn. A fresh one for each attempt. */
  createDigest(): ReplyDigest;
  /** The client has gone: the chat is being freed, and whoever continues it at once waits for that. */
  leave(): void;
  commit(fingerprint: PrefixFingerprint, continuation: Continuation, settleMs: number): Promise<void>;
  release(settleMs: number): Promise<void>;
}

/** What a turn was found to continue. */
export interface Found {
  readonly history: HistoryFingerprints;
  readonly claim: TurnClaim | undefined;
  /** Lets the next turn of its session begin. */
  leave(): void;
}

/** What all turns share. */
export interface TurnRoom {
  readonly store: Store;
  readonly log: Log;
  /** Conversations are found by the head of their session, not by a history. */
  readonly alwaysByHead: boolean;
  readonly withinLimit: TimeLimit;
  /** Turns whose client has left and whose chat is not free yet, by the fingerprint that they continued. */
  readonly leaving: Map<string, Promise<void>>;
  find(turn: TurnQuestion, signal: AbortSignal, upstreams: readonly string[]): Promise<Found>;
}

export interface TurnQuestion {
  readonly request: ChatRequest;
  readonly caller: string;
  readonly hints: SessionHints;
}

export class RunningTurn implements Turn {
  readonly #room: TurnRoom;
  readonly #question: TurnQuestion;
  #found: Found | undefined;
  /** The chat that it holds: the found one, then the one that took its place. */
  #claim: TurnClaim | undefined;
  #resume: Resume | undefined;
  #sessionId: string | undefined;
  /** Somebody may keep the conversation. */
  #isKept = true;
  #model = "";
  #notes: Promise<void> | undefined;
  #isOver = false;
  /** Called when its chat is free, if its client left before. */
  #onReleased: (() => void) | undefined;

  constructor(room: TurnRoom, question: TurnQuestion) {
    this.#room = room;
    this.#question = question;
  }

  async begin(signal: AbortSignal, upstreams: readonly string[]): Promise<void> {
    this.#isKept = upstreams.length > 0;
    const found = await this.#room.find(this.#question, signal, upstreams);
    this.#found = found;
    this.#claim = found.claim;
    if (found.claim === undefined) return;
    this.#sessionId = this.#question.hints.sessionId ?? found.claim.sessionId;
    this.#resume = toResume(found.claim, this.#question.request, found.history);
  }

  get sessionId(): string | undefined {
    const { hints } = this.#question;
    // A megabyte of first words takes 1.4 ms to hash, for the name of a session that does not exist.
    return this.#isKept ? this.#ownSessionId : hints.sessionId;
  }

  get #ownSessionId(): string {
    const { hints, request } = this.#question;
    this.#sessionId ??= hints.sessionId ?? sessionIdOf(firstUserText(request.messages) ?? "");
    return this.#sessionId;
  }

  get upstream(): string | undefined {
    return this.#found?.claim?.upstream;
  }

  get resume(): Resume | undefined {
    return this.#resume;
  }

  started(upstream: string, reply: UpstreamReply, continuation: Continuation): Promise<void> {
    this.#model = reply.model;
    const before = this.#notes ?? Promise.resolve();
    this.#notes = before
      .then(() => this.#note(upstream, reply, continuation))
      .catch((error: unknown) => this.#room.log.error("Cannot note a running reply", {}, error));
    return this.#room.withinLimit(this.#notes).catch(() => {
      // The store is slow: the answer does not wait for it any longer.
    });
  }

  createDigest(): ReplyDigest {
    return createReplyDigest(this.#history);
  }

  leave(): void {
    const found = this.#found?.claim;
    const continued = found?.prefixIndex === undefined ? undefined : this.#history.prefixes[found.prefixIndex]?.strict;
    if (this.#isOver || continued === undefined || this.#onReleased !== undefined) return;
    const { leaving } = this.#room;
    const released = new Promise<void>((resolve) => {
      this.#onReleased = resolve;
    });
    leaving.set(continued, released);
    void released.then(() => leaving.delete(continued));
  }

  async commit(fingerprint: PrefixFingerprint, continuation: Continuation, settleMs: number): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      await this.#room.withinLimit(this.#write(fingerprint, continuation, settleMs));
    } catch (error) {
      this.#room.log.error("Cannot commit a turn: its conversation will start a new chat", {}, error);
    } finally {
      this.#end();
    }
  }

  async release(settleMs: number): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      await this.#giveBack(settleMs);
    } finally {
      this.#end();
    }
  }

  get #history(): HistoryFingerprints {
    if (this.#found === undefined) throw new Error("a turn that has not begun has no history");
    return this.#found.history;
  }

  async #note(upstream: string, reply: UpstreamReply, continuation: Continuation): Promise<void> {
    const { store, alwaysByHead } = this.#room;
    const { caller, hints } = this.#question;
    const claim = this.#claim;
    if (claim !== undefined && claim.continuation.chatId === continuation.chatId) {
      return store.noteReply(claim, continuation);
    }
    this.#claim = await store.openConversation(caller, {
      sessionId: this.#ownSessionId,
      sessionHint: hints.sessionId,
      upstream,
      account: reply.account,
      model: reply.model,
      continuation,
      priorReplies: this.#history.assistantTurns,
      byHead: hints.thin || alwaysByHead,
      replaces: claim,
    });
  }

  async #write(fingerprint: PrefixFingerprint, continuation: Continuation, settleMs: number): Promise<void> {
    await this.#notes;
    if (this.#claim === undefined) return;
    const { systemHashes, toolHashes } = this.#history;
    const found = this.#found?.claim;
    // What a thin client leaves out still holds.
    const isSilent = found !== undefined && found.prefixIndex === undefined && systemHashes.length === 0;
    await this.#room.store.endTurn(this.#claim, {
      fingerprint,
      systemHashes: isSilent ? found.systemHashes : systemHashes,
      toolHashes,
      sessionHint: this.#question.hints.sessionId,
      model: this.#model,
      continuation,
      settleMs,
    });
  }

  async #giveBack(settleMs: number): Promise<void> {
    await this.#notes;
    if (this.#claim !== undefined) await giveBack(this.#room, this.#claim, settleMs);
  }

  #end(): void {
    this.#onReleased?.();
    this.#found?.leave();
  }
}

/** Never rejects. */
export async function giveBack({ store, log }: TurnRoom, claim: TurnClaim, settleMs: number): Promise<void> {
  try {
    await store.releaseTurn(claim, settleMs);
  } catch (error) {
    log.error("Cannot give a chat back: its lease will expire", {}, error);
  }
}

function toResume(claim: TurnClaim, request: ChatRequest, history: HistoryFingerprints): Resume {
  return {
    continuation: claim.continuation,
    account: claim.account,
    ...unseenMessages(request.messages, history, claim),
    interrupted: claim.interrupted,
    readyAtMs: claim.readyAtMs,
  };
}
