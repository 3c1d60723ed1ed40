// Which replies can be read once more, and what became of the others. Their frames are kept by the room replay/.

import type { LeaseOwner } from "./lease-owner.ts";

/**
 * `ended`: whole in its file, or cut short when `isInterrupted`. `too-long`, `not-kept`: its file is gone, or lacks its end.
 * `expired`: it was kept, and is no longer.
 */
export type ReplayState = "running" | "ended" | "too-long" | "not-kept" | "expired";

export interface ReplayRecord {
  readonly streamId: string;
  readonly caller: string;
  readonly state: ReplayState;
  /** Of one that runs. "dead": its process ended before it did, or is on another machine and silent for a minute. */
  readonly owner: "this process" | "another process" | "dead";
  /** Which process began it. */
  readonly runner: LeaseOwner;
  /** Its process died in the middle of it. */
  readonly isInterrupted: boolean;
  readonly createdAtMs: number;
  /** Undefined while it runs. */
  readonly expiresAtMs: number | undefined;
  /** Of its frames. */
  readonly bytes: number;
}

export interface ReplayEnd {
  readonly state: "ended" | "too-long" | "not-kept";
  readonly isInterrupted: boolean;
  readonly endedAtMs: number;
  readonly expiresAtMs: number;
  readonly bytes: number;
  /** All of them, where they are to stand with the row and `frames` is there. @defaultValue they are kept elsewhere */
  readonly frames?: Uint8Array | undefined;
}

/** Frames that stand with their rows. They go when the row says that it is not kept any more. */
export interface ReplayFrames {
  find(streamId: string): Promise<Uint8Array | undefined>;
  list(): Promise<readonly { readonly streamId: string; readonly bytes: number }[]>;
}

/** Asynchronous from the first day: drivers may stand on another machine. Every method is one short transaction. */
export interface ReplayIndex {
  /** Undefined: it keeps no frames. */
  readonly frames?: ReplayFrames | undefined;
  /** A stream begins in this process. Rejects when there is one of that id. */
  begin(stream: { readonly streamId: string; readonly caller: string; readonly createdAtMs: number }): Promise<void>;
  /** A stream that runs is not kept from here on: should its process die, nobody is given the half of it. */
  giveUp(streamId: string, state: "too-long" | "not-kept"): Promise<void>;
  /** One that was given up stays so. */
  end(streamId: string, end: ReplayEnd): Promise<void>;
  /** This process lives, and with it what it runs. Due every 20 seconds while it runs anything. */
  renew(): Promise<void>;
  find(streamId: string): Promise<ReplayRecord | undefined>;
  /** Those that have not ended, whosever they are. Oldest first. */
  listRunning(): Promise<readonly ReplayRecord[]>;
  /** Of those that can be read, the ones that ended first. */
  listOldestEnded(limit: number): Promise<readonly ReplayRecord[]>;
  /** They can be read no longer. */
  expire(streamIds: readonly string[]): Promise<void>;
  /** Expires what is due at `nowMs`, and forgets what expired before `forgetBeforeMs`. @returns what has expired by this. */
  sweep(nowMs: number, forgetBeforeMs: number): Promise<readonly string[]>;
  /** Which of these have frames that somebody may read or write. */
  findKept(streamIds: readonly string[]): Promise<ReadonlySet<string>>;
}
