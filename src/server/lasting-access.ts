// Streams without an end of their own end for whoever may come in no more: his key was revoked, his token has expired.

import type { Trip } from "./trip.ts";

/**
 * @param leaving everybody's end
 * @param lookMs within which a key that has ended is noticed
 */
export function createEndOf(
  leaving: AbortSignal,
  stillAdmits: (trip: Trip) => Promise<boolean>,
  lookMs = 2000,
): (trip: Trip) => AbortSignal {
  function endOfAccess(trip: Trip): AbortSignal {
    const over = new AbortController();
    const timer = setInterval(() => void look(), lookMs).unref();
    const stop = (): void => clearInterval(timer);
    trip.request.signal.addEventListener("abort", stop, { once: true });
    leaving.addEventListener("abort", stop, { once: true, signal: over.signal });

    async function look(): Promise<void> {
      if (await stillAdmits(trip)) return;
      stop();
      over.abort();
    }
    return over.signal;
  }

  return (trip) => {
    const ends = [trip.request.signal, leaving];
    // Of what another worker passes on that one knows the caller, and hangs up.
    const isOwn = trip.isRelayed !== true && trip.clientAddress !== undefined;
    return AbortSignal.any(isOwn ? [...ends, endOfAccess(trip)] : ends);
  };
}
