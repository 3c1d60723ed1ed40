// The compiled executable at a pseudo terminal of its own, and somebody who types.

import { ensureBuilt, type Place } from "./binary.ts";

/** Longest wait for a text; far beyond what a busy machine needs. */
const patienceMs = 15_000;

export interface TypedProcess extends AsyncDisposable {
  /** All that the terminal has shown, echoes too. */
  readonly shown: string;
  /** Resolves when this stands behind what was waited for before; then types the answer and Enter. */
  answer(question: string, text: string): Promise<void>;
  readonly exited: Promise<number>;
}

export function startAtTerminal(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  place: Omit<Place, typeof Symbol.dispose>,
): TypedProcess {
  ensureBuilt();
  const decoder = new TextDecoder();
  let shown = "";
  let seen = 0;
  let wake = (): void => {};
  const child = Bun.spawn([place.executable, ...words], {
    cwd: place.folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: place.home, TERM: "xterm", ...environment },
    terminal: {
      cols: 200,
      rows: 50,
      data(_terminal, bytes) {
        shown += decoder.decode(bytes, { stream: true });
        wake();
      },
    },
  });
  return {
    get shown() {
      return shown;
    },
    async answer(question, text) {
      const deadlineMs = Date.now() + patienceMs;
      for (;;) {
        const at = shown.indexOf(question, seen);
        if (at >= 0) {
          seen = at + question.length;
          child.terminal?.write(`${text}\r`);
          return;
        }
        if (Date.now() >= deadlineMs) throw new Error(`"${question}" was not asked behind:\n${shown}`);
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = setTimeout(resolve, deadlineMs - Date.now());
        await promise;
        clearTimeout(timer);
      }
    },
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      child.terminal?.close();
    },
  };
}
