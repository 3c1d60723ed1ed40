// What every driver of the Store contract is given.

import type { Clock } from "../contract/clock.ts";
import type { Log } from "../telemetry/log.ts";
import type { LogCopying } from "./open-database.ts";
import type { StorageWatch } from "./storage-trouble.ts";

export interface StoreOptions {
  readonly clock: Clock;
  /** Milliseconds after its last access at which a conversation is forgotten. */
  readonly sessionTimeoutMs: number;
  readonly log?: Log;
  /** @defaultValue "own" */
  readonly copying?: LogCopying;
  /** Told whether the disk takes what is written. */
  readonly watch?: StorageWatch;
}

/** Most characters of JSON that are kept of what was said in one conversation: beyond it the oldest messages go. */
export const maxContentChars = 8 * 1024 * 1024;
