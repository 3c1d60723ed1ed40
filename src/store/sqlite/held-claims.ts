// The claims of this process and their leases in the database: renewed while a turn runs, freed when it ends, and
// taken from processes that died.

import type { Continuation } from "../../contract/continuation.ts";
import type { Connection } from "./connection.ts";
import { isDead, thisProcess } from "../lease-owner.ts";
import { storageTrouble } from "../storage-trouble.ts";
import type { TurnClaim } from "../store.ts";

/** A lease that was not renewed for this long may be taken over. */
const leaseMs = 60_000;
const renewEveryMs = leaseMs / 3;

/** What ends a claim. Kept in this process alone: a claim does not outlive the process that made it. */
export interface HeldClaim {
  readonly claim: TurnClaim;
  readonly caller: string;
  readonly conversationKey: number;
  /** The turn that is continued; null in an empty chat. */
  readonly baseTurnId: number | null;
  /** Answers before this turn. */
  readonly baseCount: number;
}

/** `take`, `note`, `free` and `renewIfDue` are called within a transaction of the caller. */
export class HeldClaims {
  readonly #connection: Connection;
  readonly #owner = thisProcess();
  readonly #held = new Map<string, HeldClaim>();
  #renewedAtMs = 0;
  #renewal: ReturnType<typeof setInterval> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.abandonLeasesOfTheDead();
  }

  /** Whoever held the chat before is fenced off. */
  take(lease: ReturnType<typeof leaseOf>, conversationKey: number, nowMs: number): void {
    const { questions } = this.#connection;
    const { claimId, upstream, account, chatId } = lease;
    const { ownerHost, ownerPid, ownerStartedMs } = this.#owner;
    const leasedUntilMs = nowMs + leaseMs;
    questions.takeLease.run({
      claimId,
      upstream,
      account,
      chatId,
      conversationKey,
      ownerHost,
      ownerPid,
      ownerStartedMs,
      leasedUntilMs,
    });
  }

  note(claim: TurnClaim, { nodeId, parentId, responseId }: Continuation): void {
    const { claimId, upstream, account, chatId } = leaseOf(claim);
    this.#connection.questions.noteReply.run({ claimId, upstream, account, chatId, nodeId, parentId, responseId });
  }

  free(claim: TurnClaim, nowMs: number, settleMs: number): void {
    const { questions } = this.#connection;
    if (settleMs > 0) questions.settleLease.run({ ...leaseOf(claim), readyAtMs: nowMs + Math.ceil(settleMs) });
    else questions.endLease.run(leaseOf(claim));
  }

  get(claim: TurnClaim): HeldClaim | undefined {
    return this.#held.get(claim.claimId);
  }

  hold(held: HeldClaim): TurnClaim {
    this.#held.set(held.claim.claimId, held);
    this.#renewal ??= setInterval(() => this.#renewOnTime(), renewEveryMs).unref();
    return held.claim;
  }

  /** From here on the claim is not renewed: should its ending fail, its lease runs out by itself. */
  letGo(claim: TurnClaim): HeldClaim | undefined {
    const held = this.#held.get(claim.claimId);
    this.#held.delete(claim.claimId);
    return held;
  }

  /** A timer that is late (a laptop that slept) must not cost the turns that still run here. */
  renewIfDue(nowMs: number): void {
    if (nowMs - this.#renewedAtMs >= renewEveryMs) this.#renew(nowMs);
  }

  /** Gives up what is held, so that the next process need not wait; replies that were noted stay noted. */
  abandonAll(): void {
    const held = [...this.#held.values()];
    for (const { claim } of held) this.letGo(claim);
    clearInterval(this.#renewal);
    if (held.length === 0) return;
    this.#connection.writeNow(() => {
      for (const { claim } of held) this.#connection.questions.abandonLease.run(leaseOf(claim));
    });
  }

  #renewOnTime(): void {
    // Not stopped by the last ending: one that begins and ends a claim a thousand times a second costs more than this.
    if (this.#held.size === 0) {
      clearInterval(this.#renewal);
      this.#renewal = undefined;
      return;
    }
    try {
      this.#connection.writeNow(({ nowMs }) => this.#renew(nowMs));
    } catch (error) {
      // The next tick comes well before the leases end.
      if (storageTrouble(error) !== undefined) return;
      this.#connection.log.warn("Cannot renew leases", { claims: this.#held.size, reason: String(error) });
    }
  }

  #renew(nowMs: number): void {
    for (const { claim } of this.#held.values()) {
      this.#connection.questions.renewLease.run({ ...leaseOf(claim), leasedUntilMs: nowMs + leaseMs });
    }
    this.#renewedAtMs = nowMs;
  }

  /** Never throws. */
  abandonLeasesOfTheDead(): void {
    const { questions, log } = this.#connection;
    try {
      this.#connection.writeNow(({ nowMs }) => {
        const dead = questions.findLeaseOwners.all({ nowMs }).filter((owner) => isDead(owner, this.#owner));
        for (const { ownerHost, ownerPid, ownerStartedMs } of dead) {
          const { changes } = questions.abandonLeasesOf.run({ ownerHost, ownerPid, ownerStartedMs });
          log.info("Freed the chats of a dead process", { pid: ownerPid, chats: changes });
        }
      });
    } catch (error) {
      // Locked by a busy neighbour: the leases run out by themselves.
      log.warn("Cannot free the chats of dead processes", { reason: String(error) });
    }
  }
}

export function leaseOf({ claimId, upstream, account, continuation: { chatId } }: TurnClaim) {
  return { claimId, upstream, account, chatId };
}
