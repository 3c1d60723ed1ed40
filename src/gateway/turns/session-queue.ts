// Turns of one session in the order in which they came. Only for clients that send no history of their own.

import { orAborted } from "../../outbound/or-aborted.ts";

export interface SessionQueue {
  /**
   * Resolves when it is this turn's turn, with the function that lets the next one in.
   * @throws the signal's reason when it is aborted while waiting; the place is given up.
   */
  enter(key: string, signal: AbortSignal): Promise<() => void>;
}

export function createSessionQueue(): SessionQueue {
  /** The end of each session's line: resolves when everybody in it has left. */
  const lines = new Map<string, Promise<void>>();

  return {
    async enter(key, signal) {
      const before = lines.get(key);
      let leave: () => void = () => {};
      const mine = new Promise<void>((resolve) => {
        leave = resolve;
      });
      const line = before === undefined ? mine : before.then(() => mine);
      lines.set(key, line);
      void line.then(() => {
        if (lines.get(key) === line) lines.delete(key);
      });
      if (before === undefined) return leave;
      try {
        await orAborted(before, signal);
        return leave;
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}
