// GET /openapi.json: every operation of this gateway as an OpenAPI 3.1 document. Made with the first request.

import type { ServerRoute } from "../trip.ts";
import { createDocument } from "./document.ts";
import { keptOperations } from "./kept-operations.ts";
import type { Operation } from "./operation.ts";
import { ownOperations } from "./own-operations.ts";
import { surfaceOperations } from "./surface-operations.ts";
import { watchOperations } from "./watch-operations.ts";

/** @param adminOperations those of `server/admin/` */
function listOperations(adminOperations: readonly Operation[]): readonly Operation[] {
  return [...surfaceOperations, ...keptOperations, ...ownOperations, ...watchOperations, ...adminOperations];
}

export function openapiRoute(adminOperations: readonly Operation[], version: string): ServerRoute {
  const text = JSON.stringify(createDocument(listOperations(adminOperations), version));
  return {
    method: "GET",
    path: "/openapi.json",
    answer: () => new Response(text, { headers: { "content-type": "application/json" } }),
  };
}
