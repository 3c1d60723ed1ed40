// Long work in turns with everything else that the event loop has to do.

import { othersFirst } from "../contract/others-first.ts";

/** A reply that streams meanwhile is held up no longer than that. */
const maxWorkMs = 8;

export interface Breath {
  /** Lets others in when work has gone on for a while. Cheap otherwise. @throws the reason of the signal. */
  taken(): Promise<void> | undefined;
}

export function createBreath(signal: AbortSignal): Breath {
  let sinceMs = performance.now();
  return {
    taken() {
      if (performance.now() - sinceMs < maxWorkMs) return undefined;
      return othersFirst().then(() => {
        signal.throwIfAborted();
        sinceMs = performance.now();
      });
    },
  };
}
