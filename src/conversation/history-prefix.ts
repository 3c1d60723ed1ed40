// A history as far as one of its turns: the hashes by which it is found again.

import type { PrefixFingerprint } from "../store/store.ts";

export interface HistoryPrefix extends PrefixFingerprint {
  /** Index into the messages behind the prefix: what follows has not been answered by it. */
  readonly unseenFrom: number;
}

/** Rolling hashes of all turns so far. */
export interface Chain {
  readonly strict: string;
  readonly loose: string;
}
