// What the index is told of streams, behind their backs: what it does not hear is no reason to end an answer.

import type { Log } from "../telemetry/log.ts";

export class StreamNotes {
  readonly #log: Log;
  /** Of each stream the last one that is under way. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Runs `work` when what was noted of the stream before is written: a row that begins last would run for ever. Never rejects. */
  write(streamId: string, what: string, work: () => Promise<void>): Promise<void> {
    const note = this.#write(streamId, what, work);
    this.#underWay.set(streamId, note);
    void note.then(() => {
      if (this.#underWay.get(streamId) === note) this.#underWay.delete(streamId);
    });
    return note;
  }

  /** Resolves when nothing is under way. */
  async written(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
  }

  async #write(streamId: string, what: string, work: () => Promise<void>): Promise<void> {
    const before = this.#underWay.get(streamId);
    try {
      if (before !== undefined) await before;
      await work();
    } catch (error) {
      this.#log.error(`Cannot note that a stream ${what}`, { streamId }, error);
    }
  }
}
