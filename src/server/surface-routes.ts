// The routes of the client protocols: read the body, hand it to the gateway, or to the surface where that answers itself.

import type { Surface } from "../contract/surface.ts";
import { parseRequestBody } from "../conversation/parse-body.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { readBody } from "./body/read-body.ts";
import { goesToSocket, type ServerRoute, type Trip } from "./trip.ts";

export interface SurfaceRoutesOptions {
  readonly gateway: Pick<Gateway, "exchange" | "showFiles">;
  readonly maxBodyBytes: number;
  /** Keeps this request's connection from the idle timeout until it is answered. @returns what closes it when nothing moves any more */
  keepOpen(request: Request): () => void;
}

export function surfaceRoutes(surface: Surface, options: SurfaceRoutesOptions): ServerRoute[] {
  const own = (surface.ownAnswers ?? []).map(({ method, path, parseRequest, answer }) => ({
    method,
    path,
    answer: async ({ request, caller }: Trip) => {
      const asked = parseRequest(parseRequestBody(await readBody(request, options.maxBodyBytes), caller));
      return Response.json(answer(await options.gateway.showFiles(asked, caller)));
    },
  }));
  const exchanges = surface.routes.map(({ method, path }) => ({
    method,
    path,
    answer: async (trip: Trip) => {
      const { request, caller, access, requestId } = trip;
      const toSocket = goesToSocket(trip);
      const body = await readBody(request, options.maxBodyBytes);
      // Not before: a body that never ends is cut by the idle timeout.
      const onAbandoned = options.keepOpen(request);
      const { headers, signal } = request;
      return options.gateway.exchange(surface, {
        body,
        headers,
        signal,
        caller,
        access,
        requestId,
        onAbandoned,
        toSocket,
      });
    },
  }));
  return [...exchanges, ...own];
}
