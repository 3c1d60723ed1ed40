// A failure that comes again with each call while something is away: told once an outage, and at `debug` from then on.

import { reasonOf } from "../contract/thrown.ts";
import type { Log } from "./log.ts";

export interface OutageLog {
  failed(error: unknown): void;
  /** It is there again: the next failure is told. */
  worked(): void;
}

/** @param message what cannot be done meanwhile */
export function createOutageLog(log: Log, message: string): OutageLog {
  let isTold = false;
  return {
    failed(error) {
      log[isTold ? "debug" : "warn"](message, { reason: reasonOf(error) });
      isTold = true;
    },
    worked() {
      isTold = false;
    },
  };
}
