// A live feed: what the gateway is doing now, and each change of it.

import { sleep } from "../outbound/retry.ts";

/** A part of the feed, and what it says now, which has JSON. */
export type FeedPart = readonly [name: string, read: () => unknown];

/**
 * Tells each part at the beginning, and again when it has changed. Looked at from time to time: what changes twice in
 * between is told once.
 * @param signal ends it
 */
export async function* watchFeed(
  parts: readonly FeedPart[],
  intervalMs: number,
  signal: AbortSignal,
): AsyncGenerator<object, void> {
  const told = new Map<string, string>();
  while (!signal.aborted) {
    for (const [name, read] of parts) {
      const value = read();
      const text = JSON.stringify(value);
      if (told.get(name) === text) continue;
      told.set(name, text);
      yield { [name]: value };
    }
    try {
      await sleep(intervalMs, signal);
    } catch {
      // Aborted: the loop sees it.
    }
  }
}
