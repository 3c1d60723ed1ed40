// Turns whose client has left and whose chat is not free yet, by the fingerprint that they continued: whoever continues the
// same at once waits for it. Of all workers, since the next request may come in at another one.

export interface LeavingTurns {
  /** Resolves when the chat is free. Undefined: nobody has left there. */
  find(fingerprint: string): Promise<void> | undefined;
  /** @param released resolves when the chat is free */
  add(fingerprint: string, released: Promise<void>): void;
  /** Another worker says so. */
  heard(note: LeavingNote): void;
}

export interface LeavingNote {
  readonly fingerprint: string;
  /** The chat is free. */
  readonly isFree: boolean;
}

/** Longer than anybody waits for one: what is not told then is not awaited. */
const longestMs = 10_000;
const mostForeign = 10_000;

/** @param tell the other workers. @defaultValue there are none */
export function createLeavingTurns(tell: (note: LeavingNote) => void = () => {}): LeavingTurns {
  const own = new Map<string, Promise<void>>();
  const foreign = new Map<string, { readonly released: Promise<void>; readonly release: () => void }>();

  function forget(fingerprint: string): void {
    foreign.get(fingerprint)?.release();
    foreign.delete(fingerprint);
  }

  return {
    find: (fingerprint) => own.get(fingerprint) ?? foreign.get(fingerprint)?.released,
    add(fingerprint, released) {
      own.set(fingerprint, released);
      tell({ fingerprint, isFree: false });
      void released.then(() => {
        if (own.get(fingerprint) === released) own.delete(fingerprint);
        tell({ fingerprint, isFree: true });
      });
    },
    heard({ fingerprint, isFree }) {
      forget(fingerprint);
      if (isFree || foreign.size >= mostForeign) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      // Its worker may die before it says the second word.
      const timer = setTimeout(() => forget(fingerprint), longestMs);
      timer.unref();
      foreign.set(fingerprint, {
        released: promise,
        release() {
          clearTimeout(timer);
          resolve();
        },
      });
    },
  };
}
