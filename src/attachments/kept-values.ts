// A bounded memory of what was fetched or read: as long as it is fresh, nothing is asked for twice, also at the same time.

import type { Clock } from "../contract/clock.ts";

export interface KeptValues<Value> {
  /**
   * The kept value, that of a making under way, or what `make` gives. A failure is not kept.
   * @param make runs on for others when this one has left, within the limit of its own that it needs anyway
   */
  take(key: string, make: () => Promise<Value>): Promise<Value>;
}

export interface KeptOptions<Value> {
  /** Of all entries together, their keys included. */
  readonly maxBytes: number;
  readonly lifetimeMs: number;
  readonly clock: Clock;
  sizeOf(value: Value): number;
}

interface Entry<Value> {
  readonly value: Promise<Value>;
  bytes: number;
  untilMs: number;
}

/** What an entry costs beside its name and its value: clients choose how many there are, and may choose empty ones. */
const entryBytes = 256;

export function createKeptValues<Value>(options: KeptOptions<Value>): KeptValues<Value> {
  const { clock, lifetimeMs, maxBytes } = options;
  const entries = new Map<string, Entry<Value>>();
  let bytes = 0;

  function drop(key: string, entry: Entry<Value>): void {
    if (entries.get(key) !== entry) return;
    entries.delete(key);
    bytes -= entry.bytes;
  }

  function settle(key: string, entry: Entry<Value>, value: Value): void {
    if (entries.get(key) !== entry) return;
    entry.bytes = entryBytes + 2 * key.length + options.sizeOf(value);
    entry.untilMs = clock() + lifetimeMs;
    bytes += entry.bytes;
    // The oldest first; one that is larger than all the room goes at once.
    for (const [oldest, other] of entries) {
      if (bytes <= maxBytes) break;
      // What is still being made has no size yet.
      if (other.bytes > 0) drop(oldest, other);
    }
  }

  return {
    take(key, make) {
      const known = entries.get(key);
      if (known !== undefined && known.untilMs > clock()) return known.value;
      if (known !== undefined) drop(key, known);
      const entry: Entry<Value> = { value: make(), bytes: 0, untilMs: Number.POSITIVE_INFINITY };
      entries.set(key, entry);
      entry.value.then(
        (value) => settle(key, entry, value),
        () => drop(key, entry),
      );
      return entry.value;
    },
  };
}
