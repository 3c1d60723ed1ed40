// What every request passes before it is routed: preflight, origin, shutdown, key.

import { GatewayError } from "../contract/gateway-error.ts";
import { createIdentifyCaller } from "./api-keys.ts";
import type { Cors } from "./cors.ts";
import { isHealthPath } from "./health.ts";
import { createOriginGuard, type OriginGuardOptions } from "./origin-guard.ts";
import { isPagePath } from "./page-file.ts";
import type { Trip } from "./trip.ts";

/** @returns an answer that ends the trip. @throws {GatewayError} when the request may not come in. */
export type Admit = (trip: Trip) => Response | undefined;

export function createAdmit(options: OriginGuardOptions, cors: Cors, isStopping: () => boolean): Admit {
  const guardOrigin = createOriginGuard(options, cors.allows);
  const identifyCaller = createIdentifyCaller(options.apiKeys);

  return (trip) => {
    const { request } = trip;
    const preflightHeaders = cors.preflightHeaders(request);
    if (preflightHeaders !== undefined) return new Response(null, { status: 204, headers: preflightHeaders });
    guardOrigin(request.headers);
    // The page is served without a key, because it is what asks for one.
    if (isHealthPath(trip.path) || isPagePath(trip.path)) return undefined;
    trip.caller = identifyCaller(request.headers);
    if (isStopping()) {
      trip.answerHeaders = { ...trip.answerHeaders, connection: "close" };
      throw new GatewayError("overloaded", "Cannot take new requests: the gateway is stopping", { retryAfterMs: 1000 });
    }
    return undefined;
  };
}
