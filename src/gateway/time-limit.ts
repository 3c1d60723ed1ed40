// How long somebody waits for work that may hang. One timer for all who wait: nearly all work is done long before.

import { GatewayError } from "../contract/gateway-error.ts";

/** Resolves or rejects as the work does. @throws {GatewayError} `internal` when the limit comes first; the work goes on. */
export type TimeLimit = (work: Promise<void>) => Promise<void>;

interface Waiting {
  readonly deadlineMs: number;
  expire(): void;
}

/** @param doing what could not be done in time, as an infinitive */
export function createTimeLimit(limitMs: number, doing: string): TimeLimit {
  /** The first to expire first, because all wait equally long. */
  const waiting = new Set<Waiting>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function expireLate(): void {
    timer = undefined;
    const nowMs = performance.now();
    for (const one of waiting) {
      if (one.deadlineMs > nowMs) {
        timer = setTimeout(expireLate, one.deadlineMs - nowMs).unref();
        return;
      }
      waiting.delete(one);
      one.expire();
    }
  }

  return (work) =>
    new Promise((resolve, reject) => {
      const one: Waiting = {
        deadlineMs: performance.now() + limitMs,
        expire: () => reject(new GatewayError("internal", `Cannot ${doing} within ${limitMs} ms`)),
      };
      waiting.add(one);
      if (timer === undefined) timer = setTimeout(expireLate, limitMs).unref();
      work.then(
        () => {
          waiting.delete(one);
          resolve();
        },
        (error: unknown) => {
          waiting.delete(one);
          reject(error);
        },
      );
    });
}
