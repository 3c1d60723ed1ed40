// A pause in long work, so that replies that stream meanwhile are not held up.

/** Settled once everything that waits in this turn of the event loop has run. */
export function othersFirst(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
