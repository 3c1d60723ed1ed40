// The one place where an error becomes an answer: the shape of the surface whose path was asked, or a path below it; elsewhere
// that of the surface whose clients say who they are, or OpenAI's.

import { errorHeaders } from "../contract/error-headers.ts";
import type { GatewayError } from "../contract/gateway-error.ts";
import { openaiErrorBody } from "../contract/openai-error.ts";
import { statusOn, type Surface } from "../contract/surface.ts";
import type { Log } from "../telemetry/log.ts";
import { type Metrics, noSurface } from "../telemetry/metrics.ts";
import { isAdminPath } from "./auth/admin-access.ts";
import type { Trip } from "./trip.ts";

export type AnswerError = (error: GatewayError, trip: Trip) => Response;

export function createAnswerError(
  surfaces: readonly Surface[],
  log: Log,
  metrics: Pick<Metrics, "requestRefused">,
): AnswerError {
  const surfaceByPath = new Map<string, Surface>();
  for (const surface of surfaces) for (const route of surface.routes) surfaceByPath.set(route.path, surface);

  function surfaceOf({ path, request }: Trip): Surface | undefined {
    if (isAdminPath(path)) return undefined;
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const surface = surfaceByPath.get(path.slice(0, end));
      if (surface !== undefined) return surface;
    }
    return surfaces.find(({ clientHeader }) => clientHeader !== undefined && request.headers.has(clientHeader));
  }

  return (error, trip) => {
    const surface = surfaceOf(trip);
    const status = statusOn(surface, error.kind);
    logError(log, error, trip, status);
    metrics.requestRefused(surface?.name ?? noSurface, error.kind);
    const body = surface === undefined ? bodyOf(error, trip.path) : surface.encodeError(error, trip.requestId);
    return Response.json(body, { status, headers: errorHeaders(error) });
  };
}

/** The gateway's own API also tells the sentence on top: its readers look there. */
function bodyOf(error: GatewayError, path: string) {
  const body = openaiErrorBody(error);
  return path.startsWith("/api/") ? { message: error.message, ...body } : body;
}

function logError(log: Log, error: GatewayError, trip: Trip, status: number): void {
  const fields = {
    status,
    code: openaiErrorBody(error).error.code,
    method: trip.request.method,
    path: trip.path,
    requestId: trip.requestId,
    client: trip.clientAddress,
  };
  if (fields.status >= 500) log.error(error.message, fields, error);
  else log.warn(error.message, fields);
}
