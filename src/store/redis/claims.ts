// The claims of this process on chats of a shared store, and the pulse that keeps them: whoever falls silent for 10 s, or whose
// connection is gone for 3 s, loses his leases to whoever asks next.

import { readFileSync, readlinkSync } from "node:fs";
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../telemetry/log.ts";
import { isDead, type LeaseOwner, thisProcess } from "../lease-owner.ts";
import type { TurnClaim } from "../store.ts";
import type { Run } from "./connection.ts";

/** What ends a claim. Kept in this process alone: a claim does not outlive the process that made it. */
export interface HeldClaim {
  readonly claim: TurnClaim;
  readonly caller: string;
  readonly model: string;
  /** The turn that is continued; undefined in an empty chat. */
  readonly base: string | undefined;
  /** Answers before this turn. */
  readonly baseCount: number;
  readonly byHead: boolean;
  /** Settles when its opening has been written, or has failed. */
  readonly opened: Promise<unknown> | undefined;
}

/**
 * The number of a process says something only where it was given: containers of one image may have one name, and number 1 is
 * alive in each of them.
 */
function processHere(): ProcessHere {
  const owner = thisProcess();
  try {
    const place = `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${readlinkSync("/proc/self/ns/pid")}`;
    return { ...owner, place };
  } catch {
    // Not Linux.
    return { ...owner, place: "" };
  }
}

/** Two of one place can tell of one another whether they live. */
function placed({ ownerHost, place, ...owner }: ProcessHere): LeaseOwner {
  return { ...owner, ownerHost: `${ownerHost}/${place}` };
}

/** What a process has said of itself; nobody, when that is not known any more. */
export function parseOwner(text: string | undefined): LeaseOwner {
  if (text === undefined || text === "") return { ownerHost: "", ownerPid: 0, ownerStartedMs: 0 };
  const { ownerHost, ownerPid, ownerStartedMs } = JSON.parse(text) as ProcessHere;
  return { ownerHost, ownerPid, ownerStartedMs };
}

interface ProcessHere extends LeaseOwner {
  readonly place: string;
}

/** See `silentMs` and `goneMs` in scripts/prelude.lua: who is expected is so anew with each beat. */
const beatMs = 2000;

/** Whether the server sees by itself that this process lives, or will in a moment (presence.ts). */
type Presence = "expected" | "seen" | "unseen";

export interface ClaimsParts {
  /** Of this process, and no other. */
  readonly owner: string;
  readonly run: Run;
  /** Before the pulse: it goes by the server's time. */
  learnTime(): Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

export class Claims {
  readonly owner: string;
  readonly #process = processHere();
  readonly #parts: ClaimsParts;
  readonly #held = new Map<string, HeldClaim>();
  /** Claims that the server has been asked for, or to end, and has not answered. */
  readonly #pending = new Map<string, number>();
  #beat: ReturnType<typeof setInterval> | undefined;
  #looksForDead = true;
  #presence: Presence = "expected";

  constructor(parts: ClaimsParts) {
    this.#parts = parts;
    this.owner = parts.owner;
    this.#beat = setInterval(() => void this.#beatOnTime(), beatMs).unref();
  }

  hold(held: HeldClaim): TurnClaim {
    this.#held.set(held.claim.claimId, held);
    return held.claim;
  }

  get(claim: TurnClaim): HeldClaim | undefined {
    return this.#held.get(claim.claimId);
  }

  letGo(claim: TurnClaim): HeldClaim | undefined {
    const held = this.#held.get(claim.claimId);
    this.#held.delete(claim.claimId);
    return held;
  }

  /** While the server may already know, or still know, a claim that is not held. */
  async whilePending<Result>(claimId: string, work: () => Promise<Result>): Promise<Result> {
    this.#pending.set(claimId, (this.#pending.get(claimId) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = (this.#pending.get(claimId) ?? 1) - 1;
      if (left > 0) this.#pending.set(claimId, left);
      else this.#pending.delete(claimId);
    }
  }

  /** On each new connection, before all else: others may take this process for dead. */
  async greet(run: Run): Promise<void> {
    this.#presence = "expected";
    await this.#say(run);
  }

  /** The server sees by itself whether this process lives, or does not any more. Said at once: it counts on what it was told. */
  tellPresence(isPresent: boolean): void {
    // Whoever has taken leave says nothing more.
    if (this.#beat === undefined) return;
    this.#presence = isPresent ? "seen" : "unseen";
    void this.#beatOnTime();
  }

  /** Gives up what is held; replies that were noted stay noted. */
  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.#beat = undefined;
    this.#held.clear();
    await this.#parts.run("forgetOwners", { owners: [this.owner] });
  }

  /** Of this machine, at once. Never rejects. */
  async freeDead(): Promise<void> {
    this.#looksForDead = true;
    await this.#beatOnTime();
  }

  async #beatOnTime(): Promise<void> {
    try {
      // At once with what follows.
      void this.#parts.learnTime();
      await this.#say(this.#parts.run);
    } catch {
      // The connection tells what is wrong with it, and greets when it is there again.
    }
  }

  async #say(run: Run): Promise<void> {
    const tellOwners = this.#looksForDead;
    const said = { owner: this.owner, process: JSON.stringify(this.#process), presence: this.#presence, tellOwners };
    const [count, owners] = (await run("beat", said)) as [number, string[]];
    if (tellOwners) await this.#forgetTheDead(run, owners);
    this.#looksForDead = false;
    if (count > this.#held.size + this.#pending.size) await this.#freeUnknown(run);
  }

  /** What the server gave to somebody here who had given up waiting. */
  async #freeUnknown(run: Run): Promise<void> {
    const known = [...this.#held.keys(), ...this.#pending.keys()];
    const freed = await run("freeUnknown", { owner: this.owner, known, now: this.#parts.clock() });
    if (freed !== 0) this.#parts.log.info("Freed chats that nobody here holds", { chats: Number(freed) });
  }

  /** Of this machine: those of others fall silent. */
  async #forgetTheDead(run: Run, owners: readonly string[]): Promise<void> {
    const dead: string[] = [];
    for (let index = 0; index + 1 < owners.length; index += 2) {
      const [owner, process] = [owners[index], owners[index + 1]];
      // Written above, by another process of this program.
      if (owner === undefined || process === undefined) continue;
      if (isDead(placed(JSON.parse(process) as ProcessHere), placed(this.#process))) dead.push(owner);
    }
    if (dead.length === 0) return;
    const freed = await run("forgetOwners", { owners: dead });
    this.#parts.log.info("Freed the chats of dead processes", { processes: dead.length, chats: Number(freed) });
  }
}
