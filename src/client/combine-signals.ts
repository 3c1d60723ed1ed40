// Several reasons to stop as one.

/**
 * Aborts as soon as one of them does, with its reason; at once when one has already. They hold it until then. Not by
 * `AbortSignal.any`, whose signal WebKit (2.50) collects while only a `fetch` waits for it: it would stop nothing.
 */
export function combineSignals(...signals: readonly (AbortSignal | null | undefined)[]): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    if (!(signal instanceof AbortSignal)) continue;
    const follow = () => controller.abort(signal.reason);
    if (signal.aborted) follow();
    // Released with the first that aborts: others may live much longer.
    else signal.addEventListener("abort", follow, { signal: controller.signal });
  }
  return controller.signal;
}
