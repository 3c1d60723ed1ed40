// Opens a trip for each request and finds it again wherever the router hands the request on.

import type { Clock } from "../contract/clock.ts";
import { randomId } from "../contract/random-id.ts";
import type { ClientAddress } from "./access/client-address.ts";
import type { Cors } from "./access/cors.ts";
import type { Passport } from "./between-workers/passport.ts";
import { localCaller, pathOf, type Trip } from "./trip.ts";

export interface Trips {
  /** @param socketAddress undefined for a request that came through no socket. */
  open(request: Request, socketAddress: string | undefined): Trip;
  /** A trip that another worker has begun. */
  adopt(request: Request, passport: Passport): Trip;
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

  function adopt(request: Request, passport: Passport): Trip {
    const trip: Trip = {
      ...passport,
      request,
      path: pathOf(request.url),
      startedAtMs: clock(),
      isRelayed: true,
      answerHeaders: undefined,
    };
    trips.set(request, trip);
    return trip;
  }

  return { open, adopt, of: (request) => trips.get(request) ?? open(request, undefined) };
}
