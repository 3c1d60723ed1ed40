// The waits of the client, passed in so that tests need not wait.

export interface Timers {
  setTimeout(action: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** Longer waits, such as one without end, would be over at once. */
const longestMs = 2_147_483_647;

/** Looked up at each call: browsers want them called on the global object, and test runners replace them. */
export const systemTimers: Timers = {
  setTimeout: (action, delayMs) => globalThis.setTimeout(action, Math.min(delayMs, longestMs)),
  clearTimeout: (handle) => globalThis.clearTimeout(handle as ReturnType<typeof globalThis.setTimeout>),
};
