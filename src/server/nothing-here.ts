// What is told about an address that nothing is served at.

import { GatewayError } from "../contract/gateway-error.ts";
import type { Trip } from "./trip.ts";

export function nothingHere({ request: { method }, path }: Trip): GatewayError {
  // Clients of Anthropic's protocol add the version themselves.
  const message = path.startsWith("/v1/v1/")
    ? `Cannot ${method} this address: there is nothing here. It has /v1 twice: the base URL of the Anthropic API ends without it`
    : `Cannot ${method} this address: there is nothing here. The base URL of the OpenAI API ends in /v1`;
  return new GatewayError("not-found", message);
}
