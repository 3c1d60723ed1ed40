// The platform's `fetch` as a client, with bodies that are unpacked here, piece by piece as they are read: its own way
// unpacks all that has come at once, and a few hundred bytes of brotli become gigabytes.

import { decodeBody } from "./decode-body.ts";
import { createFetchClient, type FetchFunction } from "./fetch-client.ts";
import type { HttpClient } from "./http-client.ts";
import type { RequestSlots } from "./request-slots.ts";

/** Bun's own option; the body stays as it was sent, and so do the headers. */
const packed = { decompress: false } as const;

/**
 * @param fetchFunction the platform's, or one that hands it what it is given
 * @param slots given where the runtime bounds how many requests run at a time
 */
export function createPlatformClient(fetchFunction: FetchFunction, slots?: RequestSlots): HttpClient {
  const client = createFetchClient((request, transport) => {
    return fetchFunction(request, { timeout: false, ...transport, ...packed });
  }, slots);
  return { send: async (request) => decodeBody(await client.send(request)) };
}
