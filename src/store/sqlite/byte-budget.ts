// A budget of bytes for what a table keeps: beyond it the oldest goes first, a little in each transaction.

import type { Database } from "bun:sqlite";
import { retryWhileBusy } from "../busy-retry.ts";
import { erasureOf } from "./erasure.ts";

export interface ByteBudget<Key> {
  readonly maxBytes: number;
  /** Bytes of all that is kept. */
  countAll(): number;
  /** Those that go next, no more than one transaction may delete. */
  findOldest(): readonly Key[];
  bytesOf(key: Key): number;
  /** Within a transaction. */
  forget(key: Key): void;
}

/** @returns keeps to it; resolves when it does, or when nothing more can go */
export function createByteBudget<Key>(database: Database, budget: ByteBudget<Key>): () => Promise<void> {
  const erasure = erasureOf(database);
  /** @returns how many bytes are still too many */
  const makeRoom = database.transaction((excess: number) => {
    let left = excess;
    for (const key of budget.findOldest()) {
      if (left <= 0) break;
      left -= budget.bytesOf(key);
      budget.forget(key);
    }
    erasure.note("rows");
    return left;
  });

  return async () => {
    let excess = (await retryWhileBusy(() => budget.countAll())) - budget.maxBytes;
    while (excess > 0) {
      const before = excess;
      excess = await retryWhileBusy(() => makeRoom.immediate(before));
      // Nothing went: what is left belongs to none of them.
      if (excess === before) return;
    }
  };
}
