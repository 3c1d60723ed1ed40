// Responses whose session was deleted while they ran: they are not kept. A streamed answer tells its session with its first
// word, a whole one when it has ended.

import type { Clock } from "../../contract/clock.ts";
import { isResponseId } from "../../surfaces/openai-responses/items.ts";

/** Most of most clients never come to an end, since these have hung up. */
const mostNoted = 1000;

/** When somebody began to answer: see `isDeletedSince`. */
export interface Moment {
  /** How many sessions had been deleted here before. */
  readonly deletedCount: number;
  readonly atMs: number;
}

interface Deletion {
  /** How many sessions had been deleted here before; -1 where it was not here. */
  readonly deletedCount: number;
  /** At another worker of this machine. */
  readonly elsewhereAtMs: number;
}

export class UnwantedResponses {
  readonly #clock: Clock;
  readonly #ids = new Set<string>();
  /** By caller and session. */
  readonly #deletions = new Map<string, Deletion>();
  #deletedCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get moment(): Moment {
    return { deletedCount: this.#deletedCount, atMs: this.#clock() };
  }

  /** One that is known to be of a deleted session, and not to be kept yet. Others tell streams of typed chats as well. */
  note(id: string): void {
    if (!isResponseId(id)) return;
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > mostNoted && oldest !== undefined) this.#ids.delete(oldest);
  }

  /** Whether it was noted, which is forgotten. */
  take(id: string): boolean {
    return this.#ids.delete(id);
  }

  noteDeleted(caller: string, sessionId: string): void {
    this.#note(keyOf(caller, sessionId), { deletedCount: this.#deletedCount++ });
  }

  /** @param atMs by the clock of this machine: it may be heard of behind the next request in this session */
  noteDeletedElsewhere(caller: string, sessionId: string, atMs: number): void {
    this.#note(keyOf(caller, sessionId), { elsewhereAtMs: atMs });
  }

  #note(key: string, deletion: Partial<Deletion>): void {
    const before = this.#deletions.get(key) ?? neverDeleted;
    // To the end, as the newest.
    this.#deletions.delete(key);
    this.#deletions.set(key, { ...before, ...deletion });
    const [oldest] = this.#deletions.keys();
    if (this.#deletions.size > mostNoted && oldest !== undefined) this.#deletions.delete(oldest);
  }

  isDeletedSince(moment: Moment, caller: string, sessionId: string): boolean {
    const { deletedCount, elsewhereAtMs } = this.#deletions.get(keyOf(caller, sessionId)) ?? neverDeleted;
    return deletedCount >= moment.deletedCount || elsewhereAtMs > moment.atMs;
  }
}

const neverDeleted: Deletion = { deletedCount: -1, elsewhereAtMs: Number.NEGATIVE_INFINITY };

function keyOf(caller: string, sessionId: string): string {
  return JSON.stringify([caller, sessionId]);
}
