// Opens a trip for each request and finds it again wherever the router hands the request on.

import type { Clock } from "../contract/clock.ts";
import { randomId } from "../conversation/random-id.ts";
import type { ClientAddress } from "./client-address.ts";
import type { Cors } from "./cors.ts";
import { localCaller, pathOf, type Trip } from "./trip.ts";

export interface Trips {
  /** @param socketAddress undefined for a request that came through no socket. */
  open(request: Request, socketAddress: string | undefined): Trip;
  of(request: Request): Trip;
}

export function createTrips(clock: Clock, cors: Cors, clientAddress: ClientAddress): Trips {
  const trips = new WeakMap<Request, Trip>();

  function open(request: Request, socketAddress: string | undefined): Trip {
    const trip: Trip = {
      request,
      requestId: `req_${randomId()}`,
      path: pathOf(request.url),
      startedAtMs: clock(),
      clientAddress: socketAddress === undefined ? undefined : clientAddress(socketAddress, request.headers),
      caller: localCaller,
      answerHeaders: cors.headersFor(request.headers),
    };
    trips.set(request, trip);
    return trip;
  }

  return { open, of: (request) => trips.get(request) ?? open(request, undefined) };
}
