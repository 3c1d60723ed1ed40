// The line of a session over all workers: first the one of this process, whose foremost stands in the one of all.

import type { SessionQueue } from "./session-queue.ts";

/** A line that several processes stand in; this one once at a time. */
export interface CommonLine {
  /** Resolves when it is this process's turn. Rejects when nobody keeps such lines any more, or by the signal. */
  enter(key: string, signal: AbortSignal): Promise<void>;
  leave(key: string): void;
}

export function createSharedSessionQueue(own: SessionQueue, common: CommonLine): SessionQueue {
  return {
    async enter(key, signal) {
      const leaveOwn = await own.enter(key, signal);
      const leave = (): void => {
        common.leave(key);
        leaveOwn();
      };
      try {
        await common.enter(key, signal);
      } catch (error) {
        if (signal.aborted) {
          leave();
          throw error;
        }
        // The lease of the chat still orders those that have one.
      }
      return leave;
    },
  };
}
