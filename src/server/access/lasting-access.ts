// Streams without an end of their own end for whoever may come in no more: his key was revoked, his token has expired.

import type { Trip } from "../trip.ts";

/**
 * @param leaving everybody's end
 * @param lookMs within which a key that has ended is noticed
 */
export function createEndOf(
  leaving: AbortSignal,
  stillAdmits: (trip: Trip) => Promise<boolean>,
  lookMs = 2000,
): (trip: Trip) => AbortSignal {
  function endOfAccess(trip: Trip, otherEnds: readonly AbortSignal[]): AbortSignal {
    const over = new AbortController();
    const timer = setInterval(() => void look(), lookMs).unref();
    const end = (): void => {
      clearInterval(timer);
      over.abort();
    };
    for (const other of otherEnds) {
      // For no longer than the stream: the server outlives it, and a request may have ended before.
      other.addEventListener("abort", end, { once: true, signal: over.signal });
      if (other.aborted) end();
    }

    async function look(): Promise<void> {
      if (!(await stillAdmits(trip))) end();
    }
    return over.signal;
  }

  return (trip) => {
    const ends = [trip.request.signal, leaving];
    // Of what another worker passes on that one knows the caller, and hangs up.
    const isOwn = trip.isRelayed !== true && trip.clientAddress !== undefined;
    return AbortSignal.any(isOwn ? [...ends, endOfAccess(trip, ends)] : ends);
  };
}
