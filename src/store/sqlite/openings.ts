// Conversations that were opened and have no answer yet: kept in this process alone, because a history leads to none of
// them. That spares a transaction, since nearly all of them are written with their first answer at once.

import type { Continuation } from "../../contract/continuation.ts";
import type { Connection, Moment } from "./connection.ts";
import { type HeldClaims, leaseOf } from "./held-claims.ts";
import { storageTrouble } from "../storage-trouble.ts";
import type { TurnClaim } from "../store.ts";

/** Whoever takes longer for his first answer is written like a continued one, so that a crash leaves a trace of him. */
const writeAfterMs = 60_000;
const writeEveryMs = 1000;

export interface Opening {
  readonly claim: TurnClaim;
  readonly caller: string;
  readonly model: string;
  readonly priorReplies: number;
  readonly openedAtMs: number;
  /** The reply that runs. */
  reply: Continuation;
}

export class Openings {
  readonly #connection: Connection;
  readonly #claims: HeldClaims;
  /** Oldest first. */
  readonly #openings = new Map<string, Opening>();
  /** Those whose last transaction waits for the end of the tick, or for a lock. */
  #ending = 0;
  readonly #ended = { committed: (): void => void this.#ending--, failed: (): void => void this.#ending-- };
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(connection: Connection, claims: HeldClaims) {
    this.#connection = connection;
    this.#claims = claims;
  }

  add(opening: Opening): void {
    this.#openings.set(opening.claim.claimId, opening);
    this.#timer ??= setInterval(() => this.#writeOnTime(), writeEveryMs).unref();
  }

  get(claim: TurnClaim): Opening | undefined {
    return this.#openings.get(claim.claimId);
  }

  /** What becomes of them is not written. @returns those that were asked for */
  drop(isAskedFor: (opening: Opening) => boolean): readonly Opening[] {
    const asked = [...this.#openings.values()].filter(isAskedFor);
    for (const { claim } of asked) this.#openings.delete(claim.claimId);
    return asked;
  }

  /** Ends it by a transaction of the caller, which writes it in the form that it has come to. */
  end({ claim }: Opening, write: (moment: Moment) => void): Promise<void> {
    this.#openings.delete(claim.claimId);
    this.#ending++;
    return this.#connection.writeThen(write, this.#ended);
  }

  /** Before anybody looks at what he is told of: writes them as running turns that hold their chats. */
  async write(isAskedFor: (opening: Opening) => boolean): Promise<void> {
    if (this.#ending > 0) await this.#connection.flush();
    if (this.#openings.size > 0) await this.#connection.retry(() => this.#writeNow(isAskedFor));
  }

  /** The same before the connection is closed. */
  writeAll(): void {
    clearInterval(this.#timer);
    this.#writeNow(() => true);
  }

  /** Within a transaction of the caller. @returns the number of the conversation */
  insert(
    opening: Opening,
    answer: { readonly node: Continuation; readonly model: string } | undefined,
    accessedAtMs: number,
  ): number {
    const { claim, caller, openedAtMs, priorReplies } = opening;
    const { chatId } = answer?.node ?? claim.continuation;
    const { lastInsertRowid } = this.#connection.questions.createConversation.run({
      publicId: claim.conversationId,
      caller,
      sessionId: claim.sessionId,
      upstream: claim.upstream,
      account: claim.account,
      chatId,
      nodeId: answer?.node.nodeId ?? null,
      parentId: answer?.node.parentId ?? null,
      responseId: answer?.node.responseId ?? null,
      headTurn: answer === undefined ? null : 0,
      model: answer?.model ?? opening.model,
      messageCount: priorReplies + (answer === undefined ? 0 : 1),
      byHead: 0,
      mayShareChat: answer === undefined ? 1 : 0,
      createdAtMs: openedAtMs,
      nowMs: accessedAtMs,
    });
    return Number(lastInsertRowid);
  }

  /** At once, so that nothing can end or be asked for in between. */
  #writeNow(isAskedFor: (opening: Opening) => boolean): void {
    const asked = [...this.#openings.values()].filter(isAskedFor);
    if (asked.length === 0) return;
    const conversationKeys = this.#connection.writeNow(({ nowMs }) =>
      asked.map((opening) => {
        const conversationKey = this.insert(opening, undefined, opening.openedAtMs);
        this.#claims.take(leaseOf(opening.claim), conversationKey, nowMs);
        this.#claims.note(opening.claim, opening.reply);
        return conversationKey;
      }),
    );
    for (const [index, { claim, caller, priorReplies }] of asked.entries()) {
      const conversationKey = conversationKeys[index];
      if (conversationKey === undefined) continue;
      this.#openings.delete(claim.claimId);
      this.#claims.hold({ claim, caller, conversationKey, baseTurnId: null, baseCount: priorReplies });
    }
  }

  #writeOnTime(): void {
    if (this.#openings.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const oldestMs = this.#connection.moment().nowMs - writeAfterMs;
    try {
      this.#writeNow(({ openedAtMs }) => openedAtMs < oldestMs);
    } catch (error) {
      if (storageTrouble(error) !== undefined) return;
      this.#connection.log.warn("Cannot note running first answers", { reason: String(error) });
    }
  }
}
