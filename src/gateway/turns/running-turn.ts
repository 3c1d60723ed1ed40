// A turn while it runs: the claim on its chat, and its commit or release. What it continues, turns.ts finds.

import type { ChatRequest, ContentPart, Message } from "../../contract/chat-request.ts";
import type { Continuation } from "../../contract/continuation.ts";
import type { Resume, UpstreamReply } from "../../contract/upstream.ts";
import type { HistoryFingerprints } from "../../conversation/fingerprints.ts";
import { createReplyDigest, type ReplyDigest } from "../../conversation/reply-digest.ts";
import { firstUserText, sessionIdOf } from "../../conversation/session-id.ts";
import { toldTools, toolKnowledge } from "../../conversation/tool-knowledge.ts";
import { unseenMessages } from "../../conversation/unseen-messages.ts";
import { isPassingSession } from "../../store/passing-session.ts";
import type { ChatPlace, Store, TurnClaim } from "../../store/store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { LeavingTurns } from "./leaving-turns.ts";
import { NotKept } from "./not-kept.ts";
import type { TimeLimit } from "../time-limit.ts";
import {
  type FinishedReply,
  type Found,
  keepsConversations,
  type Server,
  type Turn,
  type TurnQuestion,
} from "./turn.ts";

/** What all turns share. */
export interface TurnRoom {
  readonly store: Store;
  readonly log: Log;
  /** Conversations are found by the head of their session, not by a history. */
  readonly alwaysByHead: boolean;
  readonly withinLimit: TimeLimit;
  readonly leaving: LeavingTurns;
  /** Deletes those that no conversation uses. Never rejects. */
  deleteChats(chats: readonly ChatPlace[]): Promise<void>;
  /** The same, when nobody may ask for a repetition in them any more. Undefined: they stay. */
  readonly deleteChatsLater: ((chats: readonly ChatPlace[]) => Promise<void>) | undefined;
  /** Asked only where somebody keeps the conversation. */
  find(turn: TurnQuestion, signal: AbortSignal, upstreams: readonly Server[]): Promise<Found>;
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
  /** Made for it, and of no use. */
  #left: ChatPlace[] | undefined;
  /** Called when its chat is free, if its client left before. */
  #onReleased: (() => void) | undefined;

  constructor(room: TurnRoom, question: TurnQuestion) {
    this.#room = room;
    this.#question = question;
  }

  begin(signal: AbortSignal, upstreams: readonly Server[]): Promise<void> {
    this.#isKept = this.keepsText || upstreams.some(keepsConversations);
    if (this.#isKept) return this.#find(signal, upstreams);
    // Whoever keeps no conversation is told everything each time, by the client or else by the gateway.
    this.#found = new NotKept(this.#question);
    return nothingToWaitFor;
  }

  async #find(signal: AbortSignal, upstreams: readonly Server[]): Promise<void> {
    const found = await this.#room.find(this.#question, signal, upstreams);
    this.#found = found;
    this.#claim = found.claim;
    if (found.claim === undefined) return;
    this.#sessionId = this.#question.hints.sessionId ?? found.claim.sessionId;
    this.#resume = toResume(found.claim, this.#question.request, found.history);
  }

  get sessionId(): string | undefined {
    const { hints } = this.#question;
    // What passes with its answer is no session of its client's.
    const isPassing = hints.beginsIn !== undefined && this.#found?.claim === undefined;
    // A megabyte of first words takes 1.4 ms to hash, for the name of a session that does not exist.
    return this.#isKept && !isPassing ? this.#ownSessionId : hints.sessionId;
  }

  get #ownSessionId(): string {
    const { hints, request } = this.#question;
    this.#sessionId ??= hints.beginsIn ?? hints.sessionId ?? sessionIdOf(firstUserText(request.messages) ?? "");
    return this.#sessionId;
  }

  get leaveChat(): Turn["leaveChat"] {
    return this.#deleteLeft === undefined ? undefined : (chat) => this.#leaveChat(chat);
  }

  get #deleteLeft(): TurnRoom["deleteChatsLater"] {
    if (!this.#isKept) return undefined;
    return isPassingSession(this.#ownSessionId) ? this.#room.deleteChats : this.#room.deleteChatsLater;
  }

  #leaveChat(chat: ChatPlace): void {
    if (this.#isOver) return void this.#deleteLeft?.([chat]);
    // The next attempt may take it.
    this.#left ??= [];
    this.#left.push(chat);
  }

  get upstream(): string | undefined {
    return this.#found?.claim?.upstream;
  }

  get resume(): Resume | undefined {
    return this.#resume;
  }

  get keepsText(): boolean {
    return this.#question.hints.thin;
  }

  mayServe(upstream: Server): boolean {
    const claim = this.#found?.claim;
    if (!this.keepsText || claim === undefined) return true;
    return isThread(claim) ? !keepsConversations(upstream) : upstream.name === claim.upstream;
  }

  async recall(): Promise<readonly Message[]> {
    const claim = this.#found?.claim;
    return claim !== undefined && this.keepsText && isThread(claim) ? this.#room.store.readMessages(claim) : [];
  }

  started(upstream: string, reply: UpstreamReply, continuation: Continuation): Promise<void> {
    this.#model = reply.model;
    this.#notes = this.#noteAfter(this.#notes, upstream, reply, continuation);
    // The store is slow: the answer does not wait for it any longer.
    return this.#room.withinLimit(this.#notes).catch(goOn);
  }

  createDigest(): ReplyDigest {
    return createReplyDigest(this.#history);
  }

  leave(): void {
    const found = this.#found?.claim;
    const continued = found?.prefixIndex === undefined ? undefined : this.#history.prefixes[found.prefixIndex]?.strict;
    if (this.#isOver || continued === undefined || this.#onReleased !== undefined) return;
    const { leaving } = this.#room;
    const { promise: released, resolve } = Promise.withResolvers<void>();
    this.#onReleased = resolve;
    leaving.add(continued, released);
    if (found !== undefined) void this.#room.store.noteLeaving?.(found);
  }

  async commit(reply: FinishedReply): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const { store, log, withinLimit } = this.#room;
    const written = this.#writeEnd(reply).catch((error: unknown) =>
      log.error("Cannot commit a turn: its conversation will start a new chat", {}, error),
    );
    try {
      await withinLimit(written);
    } catch {
      // Of a store that is away the log has said so already.
      const level = store.unreachable?.() === undefined ? "warn" : "debug";
      log[level]("An answer ends before its turn is remembered: the store is slow");
    } finally {
      this.#end();
    }
  }

  #writeEnd(reply: FinishedReply): Promise<void> {
    if (reply.continuation !== undefined) return this.#write(reply, reply.continuation);
    if (reply.message !== undefined) return this.#writeThread(reply, reply.message);
    return this.#giveBack(reply.settleMs);
  }

  release(settleMs: number): Promise<void> {
    if (this.#isOver) return nothingToWaitFor;
    this.#isOver = true;
    if (this.#claim !== undefined || this.#notes !== undefined) return this.#giveBackAndEnd(settleMs);
    this.#end();
    return nothingToWaitFor;
  }

  async #giveBackAndEnd(settleMs: number): Promise<void> {
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

  /** Never rejects. */
  async #noteAfter(
    before: Promise<void> | undefined,
    upstream: string,
    { account, model }: UpstreamReply,
    continuation: Continuation,
  ): Promise<void> {
    if (before !== undefined) await before;
    try {
      const claim = this.#claim;
      if (claim !== undefined && claim.continuation.chatId === continuation.chatId) {
        await this.#room.store.noteReply(claim, continuation);
      } else this.#claim = await this.#open({ upstream, account, model }, continuation);
    } catch (error) {
      this.#room.log.error("Cannot note a running reply", {}, error);
    }
  }

  async #open(
    by: Pick<FinishedReply, "upstream" | "account" | "model">,
    continuation: Continuation,
  ): Promise<TurnClaim> {
    const { caller, hints } = this.#question;
    const before = this.#claim;
    // Another session's conversation stays in the chat that it has.
    const isOwn = before?.sessionId === this.#ownSessionId;
    if (before !== undefined && !isOwn) await giveBack(this.#room, before, 0);
    return this.#room.store.openConversation(caller, {
      sessionId: this.#ownSessionId,
      sessionHint: hints.sessionId,
      upstream: by.upstream,
      account: by.account,
      model: by.model,
      continuation,
      priorReplies: this.#history.assistantTurns,
      byHead: hints.thin || this.#room.alwaysByHead,
      replaces: isOwn ? before : undefined,
    });
  }

  async #write(
    { fingerprint, settleMs }: FinishedReply,
    continuation: Continuation,
    said?: readonly Message[],
  ): Promise<void> {
    await this.#notes;
    // One that another attempt has taken is of use after all.
    this.#left = this.#left?.filter(({ chatId }) => chatId !== continuation.chatId);
    if (this.#claim === undefined) return;
    const { systemHashes, toolHashes } = this.#history;
    const found = this.#found?.claim;
    // A chat that took another one's place knows nothing but this turn.
    const isSameChat = found?.continuation.chatId === continuation.chatId;
    // What a thin client leaves out still holds.
    const isSilent = isSameChat && found?.prefixIndex === undefined && systemHashes.length === 0;
    await this.#room.store.endTurn(this.#claim, {
      fingerprint,
      systemHashes: isSilent ? found.systemHashes : systemHashes,
      toolHashes: toldTools(this.#question.request, toolHashes, isSameChat ? found.toolHashes : []),
      sessionHint: this.#question.hints.sessionId,
      model: this.#model,
      continuation,
      settleMs,
      ...(said === undefined ? {} : { said }),
    });
  }

  /** The conversation is the gateway's own: what was said is kept with the turn. */
  async #writeThread(reply: FinishedReply, answer: Message): Promise<void> {
    const known = this.#claim !== undefined && isThread(this.#claim) ? this.#claim.continuation : undefined;
    const parentId = known?.nodeId ?? null;
    const thread = { chatId: known?.chatId ?? `${threadPrefix}${crypto.randomUUID()}`, responseId: null, parentId };
    if (known === undefined) this.#claim = await this.#open(reply, { ...thread, nodeId: null });
    this.#model = reply.model;
    const said = [...this.#question.request.messages.map(withPlainTexts), answer];
    await this.#write(reply, { ...thread, nodeId: crypto.randomUUID() }, said);
  }

  async #giveBack(settleMs: number): Promise<void> {
    await this.#notes;
    if (this.#claim !== undefined) await giveBack(this.#room, this.#claim, settleMs);
  }

  #end(): void {
    if (this.#left !== undefined && this.#left.length > 0) void this.#deleteLeft?.(this.#left);
    this.#onReleased?.();
    this.#found?.leave();
  }
}

/** As it is stored: a text that was left bytes is a view into a body. */
function withPlainTexts(message: Message): Message {
  const plain = (part: ContentPart): ContentPart => (part.type === "text" ? { type: "text", text: part.text } : part);
  return { ...message, content: message.content.map(plain) };
}

const nothingToWaitFor = Promise.resolve();

function goOn(): void {}

/** No upstream's chat is called so. */
const threadPrefix = "thread-";

/** A conversation that the gateway remembers itself. */
export function isThread({ continuation }: TurnClaim): boolean {
  return continuation.chatId.startsWith(threadPrefix);
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
  const unseen = unseenMessages(request.messages, history, claim);
  return {
    continuation: claim.continuation,
    account: claim.account,
    ...unseen,
    tools: toolKnowledge(request.messages, history.toolHashes, claim.toolHashes, unseen.unseenFrom),
    interrupted: claim.interrupted,
    readyAtMs: claim.readyAtMs,
  };
}
