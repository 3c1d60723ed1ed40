// What is being written, by what it is about: whoever reads that waits for it, within bounds.

import { settledWithin } from "../../contract/settled-within.ts";

/** A store that is away may take a minute. */
const mostWaitMs = 5000;

export class PendingWrites {
  readonly #writes = new Map<string, Promise<unknown>>();

  /**
   * It stands for those before it, which it waits for.
   * @returns what never rejects: the answer is worth more than its being kept
   */
  add(id: string, writing: Promise<unknown>, onFailure: (error: unknown) => void): Promise<unknown> {
    const write = Promise.all([this.#writes.get(id), writing])
      .catch(onFailure)
      .finally(() => {
        if (this.#writes.get(id) === write) this.#writes.delete(id);
      });
    this.#writes.set(id, write);
    return write;
  }

  async settled(id: string): Promise<void> {
    const write = this.#writes.get(id);
    if (write !== undefined) await settledWithin(write, mostWaitMs);
  }

  async allSettled(): Promise<void> {
    await settledWithin(Promise.all(this.#writes.values()), mostWaitMs);
  }
}
