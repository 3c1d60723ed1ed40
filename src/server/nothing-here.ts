// What is told about an address that nothing is served at.

import { GatewayError } from "../contract/gateway-error.ts";
import type { Trip } from "./trip.ts";

export function nothingHere(trip: Trip): GatewayError {
  return new GatewayError(
    "not-found",
    `Cannot ${trip.request.method} this address: there is nothing here. The base URL of the OpenAI API ends in /v1`,
  );
}
