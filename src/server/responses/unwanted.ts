// Responses whose session was deleted while they ran: they are not kept. A streamed answer tells its session with its first
// word, a whole one when it has ended.

/** Most of most clients never come to an end, since these have hung up. */
const mostNoted = 1000;

export class UnwantedResponses {
  readonly #ids = new Set<string>();
  /** By caller and session: how many sessions had been deleted before. */
  readonly #deletions = new Map<string, number>();
  #deletedCount = 0;

  /** For who begins to answer: see `isDeletedSince`. */
  get moment(): number {
    return this.#deletedCount;
  }

  /** One that is known to be of a deleted session, and not to be kept yet. */
  note(id: string): void {
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > mostNoted && oldest !== undefined) this.#ids.delete(oldest);
  }

  /** Whether it was noted, which is forgotten. */
  take(id: string): boolean {
    return this.#ids.delete(id);
  }

  noteDeleted(caller: string, sessionId: string): void {
    const key = keyOf(caller, sessionId);
    // To the end, as the newest.
    this.#deletions.delete(key);
    this.#deletions.set(key, this.#deletedCount++);
    const [oldest] = this.#deletions.keys();
    if (this.#deletions.size > mostNoted && oldest !== undefined) this.#deletions.delete(oldest);
  }

  isDeletedSince(moment: number, caller: string, sessionId: string): boolean {
    return (this.#deletions.get(keyOf(caller, sessionId)) ?? -1) >= moment;
  }
}

function keyOf(caller: string, sessionId: string): string {
  return JSON.stringify([caller, sessionId]);
}
