// SIGTERM, SIGINT and SIGQUIT: the first asks for an orderly end, the second for an end at once. And what must not end it.

import type { Clock } from "../contract/clock.ts";

export type StopSignal = "SIGTERM" | "SIGINT" | "SIGQUIT";
/** By default they end a process, whoever means something else by them: other servers open their logs anew, or say how they are. */
export type StraySignal = "SIGUSR1" | "SIGUSR2";

/** The part of `process` that is needed. */
export interface SignalSource {
  on(signal: StopSignal | StraySignal, listener: () => void): unknown;
}

/**
 * Ctrl-C reaches every process of the terminal, and npm passes it on to its child once more: what follows this fast
 * is the same wish and not a second one.
 */
const echoMs = 50;

/** Listens from the call on. `abandon` is called on the second signal. */
export function awaitStopSignal(
  source: SignalSource,
  abandon: () => void,
  clock: Clock = Date.now,
): Promise<StopSignal> {
  const { promise, resolve } = Promise.withResolvers<StopSignal>();
  let firstAtMs: number | undefined;
  function listen(signal: StopSignal): void {
    source.on(signal, () => {
      if (firstAtMs === undefined) {
        firstAtMs = clock();
        resolve(signal);
      } else if (clock() - firstAtMs >= echoMs) abandon();
    });
  }
  listen("SIGTERM");
  listen("SIGINT");
  listen("SIGQUIT");
  return promise;
}

const endCodes: Readonly<Record<StopSignal, number>> = { SIGTERM: 143, SIGINT: 130, SIGQUIT: 131 };

/**
 * For the first process of a container, to which the system sends no signal that it does not listen to: Ctrl-C would not end a
 * command that waits for its input. Whoever listens besides decides alone.
 */
export function endAsOthersDo(
  source: SignalSource & { listenerCount(signal: StopSignal): number },
  end: (exitCode: number) => void,
): void {
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
    source.on(signal, () => {
      if (source.listenerCount(signal) === 1) end(endCodes[signal]);
    });
  }
}

export function ignoreStraySignals(source: SignalSource): void {
  source.on("SIGUSR1", () => {});
  source.on("SIGUSR2", () => {});
}
