// What is to stop though it runs at another gateway: the wish stands in the store that they share, and whoever runs the thing
// looks for it.

import type { Log } from "../telemetry/log.ts";

/** Where wishes stand for all. */
export interface SharedWishes {
  /** Forgotten after an hour: what runs may be about to keep what it has made. */
  wish(id: string): Promise<void>;
  /** Which of these are to stop. Each is told once. */
  take(ids: readonly string[]): Promise<readonly string[]>;
}

export interface StopWishes {
  /** Stops what goes by this id, at whichever gateway it runs: it does so within a second or so. */
  wish(id: string): Promise<void>;
  /** It runs here. @returns what is called at its end */
  watch(id: string, stop: () => void): () => void;
}

export interface StopWishesOptions {
  readonly log: Log;
  /** Between two looks, while anything runs. @defaultValue 1000 */
  readonly everyMs?: number;
}

export function createStopWishes(shared: SharedWishes, { log, everyMs = 1000 }: StopWishesOptions): StopWishes {
  const watched = new Map<string, () => void>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function look(): Promise<void> {
    try {
      for (const id of await shared.take([...watched.keys()])) watched.get(id)?.();
    } catch (error) {
      // The store is away, which others tell louder. What was wished meanwhile is wished for an hour.
      log.debug("Cannot look for what is to stop", { reason: String(error) });
    }
    timer = undefined;
    if (watched.size > 0) lookLater();
  }

  function lookLater(): void {
    timer ??= setTimeout(() => void look(), everyMs);
    timer.unref();
  }

  return {
    wish: (id) => shared.wish(id),
    watch(id, stop) {
      watched.set(id, stop);
      lookLater();
      return () => void watched.delete(id);
    },
  };
}
