// The time that a call may take. It stands still while a person is asked.

export interface CallLimit {
  /** Pauses nest. */
  pause(): void;
  resume(): void;
  readonly isPaused: boolean;
  end(): void;
}

export function createCallLimit(limitMs: number, onExpired: () => void): CallLimit {
  let leftMs = limitMs;
  let startedAtMs = 0;
  let pauses = 0;
  let hasEnded = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function start(): void {
    startedAtMs = performance.now();
    timer = setTimeout(onExpired, Math.max(0, leftMs));
  }

  start();
  return {
    pause() {
      pauses += 1;
      if (pauses > 1 || hasEnded) return;
      clearTimeout(timer);
      leftMs -= performance.now() - startedAtMs;
    },
    resume() {
      pauses -= 1;
      if (pauses === 0 && !hasEnded) start();
    },
    get isPaused() {
      return pauses > 0;
    },
    end() {
      hasEnded = true;
      clearTimeout(timer);
    },
  };
}
