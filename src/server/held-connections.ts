// Connections whose requests may be quiet for long: kept from the idle timeout while these run, and no longer.

import type { HttpServer } from "./listen.ts";

export interface HeldConnections {
  /** Until `request` is answered. @returns what closes its connection */
  hold(request: Request): () => void;
  /** Looks at all of them now: what is answered is forgotten, and whatever its request had kept. */
  look(): void;
}

/** How often they are looked at within an idle timeout: it fires up to four seconds early. */
const looks = 8;

/** Answers between two looks that may be over without being let go: 1.4 KB each, measured on 1.4.5. */
const mostUnseen = 64;

/**
 * The timeout of a connection, once switched off, stays off behind the answer: whoever vanished without a word would keep a
 * descriptor for ever. The runtime tells of no answer's end, so the timeout is put off again and again while a request runs
 * (0.5 us for each, measured on 1.4.5).
 */
export function createHeldConnections(
  server: Pick<HttpServer, "timeout" | "requestIP">,
  idleTimeoutSeconds: number,
): HeldConnections {
  const held = new Set<Request>();
  let timer: Timer | undefined;
  let mostHeld = mostUnseen;

  function look(): void {
    for (const request of held) {
      // It has no address any more when it is answered.
      if (server.requestIP(request)) server.timeout(request, idleTimeoutSeconds);
      else held.delete(request);
    }
    mostHeld = 2 * held.size + mostUnseen;
    if (held.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  return {
    look,
    hold(request) {
      server.timeout(request, idleTimeoutSeconds);
      held.add(request);
      if (held.size > mostHeld) look();
      timer ??= setInterval(look, (idleTimeoutSeconds * 1000) / looks).unref();
      return () => {
        held.delete(request);
        server.timeout(request, 1);
      };
    },
  };
}
