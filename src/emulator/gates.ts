// Gates hold events back until a test releases them: lock-step without a clock.

export interface Gates {
  /** Resolves with one permit of the gate, or when `signal` is aborted. Permits given before anybody waits are kept. */
  pass(gate: string, signal: AbortSignal): Promise<void>;
  /** Lets the next `count` waiters through, or all from now on. */
  release(gate: string, count: number | "all"): void;
  /** Forgets all permits; who waits goes on waiting. */
  clear(): void;
}

export function createGates(): Gates {
  const permits = new Map<string, number>();
  const waiting = new Map<string, (() => void)[]>();

  function take(gate: string): boolean {
    const left = permits.get(gate) ?? 0;
    if (left <= 0) return false;
    permits.set(gate, left - 1);
    return true;
  }

  return {
    pass(gate, signal) {
      if (signal.aborted || take(gate)) return Promise.resolve();
      return new Promise<void>((resolve) => {
        const queue = waiting.get(gate) ?? [];
        waiting.set(gate, queue);
        const enter = () => {
          signal.removeEventListener("abort", leave);
          resolve();
        };
        const leave = () => {
          queue.splice(queue.indexOf(enter), 1);
          resolve();
        };
        queue.push(enter);
        signal.addEventListener("abort", leave, { once: true });
      });
    },
    release(gate, count) {
      permits.set(gate, count === "all" ? Number.POSITIVE_INFINITY : (permits.get(gate) ?? 0) + count);
      const queue = waiting.get(gate) ?? [];
      while (queue.length > 0 && take(gate)) queue.shift()?.();
    },
    clear() {
      permits.clear();
    },
  };
}

/** Resolves after `delayMs`, or when `signal` is aborted. */
export function waitFor(delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, delayMs);
    signal.addEventListener("abort", finish, { once: true });
  });
}

/** Resolves when `signal` is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
