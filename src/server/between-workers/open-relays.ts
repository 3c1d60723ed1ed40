// How many requests are passed on to other workers at the moment: what a server that stops waits for, also for those that began
// under former settings.

export interface OpenRelays {
  /** @returns ends it; more than once does no harm */
  begin(): () => void;
  /** Resolves when none is open any more, or the time is over. */
  drain(withinMs: number): Promise<void>;
}

export function createOpenRelays(): OpenRelays {
  let open = 0;
  const drained = new Set<() => void>();
  return {
    begin() {
      open++;
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        open--;
        if (open === 0) for (const tell of drained) tell();
      };
    },
    async drain(withinMs) {
      if (open === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      drained.add(resolve);
      const timer = setTimeout(resolve, withinMs);
      await promise;
      clearTimeout(timer);
      drained.delete(resolve);
    },
  };
}
