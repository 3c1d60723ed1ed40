// A response as it is given to a store, made of how the store is to give it back.

import type { KeptResponse, NewResponse, SharedBeginning } from "../../src/store/response-store.ts";

export function newResponse({ input, ...rest }: KeptResponse, shared?: SharedBeginning): NewResponse {
  return { ...rest, shared, inputFrom: (start) => input.slice(start) };
}
