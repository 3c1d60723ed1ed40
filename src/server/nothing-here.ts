// What is told about an address that nothing is served at.

import { GatewayError } from "../contract/gateway-error.ts";
import type { Trip } from "./trip.ts";

export function nothingHere({ request: { method }, path }: Trip): GatewayError {
  return new GatewayError("not-found", messageFor(method, path));
}

/** An address that ends as one that is served was put together with another base URL. */
const misplaced = /\/(?:chat\/completions|responses|v1\/messages|embeddings|models)$/;
/** In the middle as of a base URL that ends in one, or behind an address that is served without. */
const slashTooMany = /\/\/|\/(?:chat\/completions|responses|messages|embeddings)\/$/;

function messageFor(method: string, path: string): string {
  // Clients of Anthropic's protocol add the version themselves.
  if (path.startsWith("/v1/v1/"))
    return `Cannot ${method} this address: there is nothing here. It has /v1 twice: the base URL of the Anthropic API ends without it`;
  if (slashTooMany.test(path))
    return `Cannot ${method} this address: there is nothing here. It has a slash too many. The base URL of the OpenAI API ends in /v1, that of the Anthropic API before it`;
  // Such as batches: its base URL is right.
  if (path.startsWith("/v1/") && !misplaced.test(path))
    return `Cannot ${method} this address: there is nothing here. GET /openapi.json tells what is served`;
  return `Cannot ${method} this address: there is nothing here. The base URL of the OpenAI API ends in /v1`;
}
