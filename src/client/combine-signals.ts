// Several reasons to stop as one.

/** Aborts as soon as one of them does, with its reason; at once when one has already. */
export function combineSignals(...signals: readonly (AbortSignal | null | undefined)[]): AbortSignal {
  const given = signals.filter((signal) => signal instanceof AbortSignal);
  // Holds the sources weakly, where there is one: they may live much longer than what they stop.
  if (typeof AbortSignal.any === "function") return AbortSignal.any(given);
  const controller = new AbortController();
  const release = () => {
    for (const signal of given) signal.removeEventListener("abort", follow);
  };
  function follow(this: AbortSignal): void {
    release();
    controller.abort(this.reason);
  }
  for (const signal of given) {
    if (signal.aborted) {
      release();
      controller.abort(signal.reason);
      break;
    }
    signal.addEventListener("abort", follow);
  }
  return controller.signal;
}
