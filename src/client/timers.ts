// The waits of the client, passed in so that tests need not wait.

export interface Timers {
  setTimeout(action: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** Looked up at each call: browsers want them called on the global object, and test runners replace them. */
export const systemTimers: Timers = {
  setTimeout: (action, delayMs) => globalThis.setTimeout(action, delayMs),
  clearTimeout: (handle) => globalThis.clearTimeout(handle as ReturnType<typeof globalThis.setTimeout>),
};
