// Stored responses as the rest of the app sees them: their code is loaded with the first request, their database only
// when something is to be kept or looked up.

import { responsePlaces } from "../server/response-places.ts";
import type { ServedRoom } from "../server/create-server.ts";
import type { Responses, ResponsesOptions } from "../server/responses.ts";

export interface LazyResponses extends ServedRoom {
  /** Resolves when everything is written. */
  close(): Promise<void>;
}

export function createLazyResponses(parts: ResponsesOptions): LazyResponses {
  let responses: Responses | undefined;
  return {
    places: responsePlaces,
    async load(edge) {
      const [{ createResponses }, { responseRoutes }] = await Promise.all([
        import("../server/responses.ts"),
        import("../server/response-routes.ts"),
      ]);
      responses ??= createResponses(parts);
      return responseRoutes({ responses, ...edge });
    },
    async close() {
      await responses?.settled();
    },
  };
}
