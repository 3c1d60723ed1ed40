// The Elysia application: hooks and routes in one place, in the order in which they run.

import { Elysia } from "elysia";
import { GatewayError, toGatewayError } from "../contract/gateway-error.ts";
import { toStorageError } from "../store/storage-trouble.ts";
import type { AnswerError } from "./answer-error.ts";
import { nothingHere } from "./nothing-here.ts";
import type { ServerRoute, Trip } from "./trip.ts";

export interface AppOptions {
  readonly routes: readonly ServerRoute[];
  readonly answerError: AnswerError;
  /** Runs before the router: an answer ends the trip. @throws {GatewayError} when the request may not come in. */
  admit(trip: Trip): Response | undefined | Promise<undefined>;
  tripOf(request: Request): Trip;
}

/** @returns a handler that never throws: whatever goes wrong inside ends in `answerError`. */
export function createApp(options: AppOptions): (request: Request) => Response | Promise<Response> {
  const headersOf = new Map(options.routes.flatMap(({ path, headers }) => (headers ? [[path, headers]] : [])));

  function comeIn(trip: Trip): ReturnType<AppOptions["admit"]> {
    const headers = headersOf.get(trip.path);
    if (headers !== undefined) trip.answerHeaders = { ...trip.answerHeaders, ...headers };
    return options.admit(trip);
  }

  const app = new Elysia({
    aot: true,
    // Bodies are parsed by the surfaces; nothing may be stripped from them.
    normalize: false,
    strictPath: true,
    // Else the path of a wildcard route is looked for from the eleventh character on, and `Host: a` is a 404.
    handler: { standardHostname: false },
  });

  // First, because hooks reach only what is registered after them.
  app.onError(({ request, code, error }) => {
    const trip = options.tripOf(request);
    return options.answerError(
      code === "NOT_FOUND" ? nothingHere(trip) : (toStorageError(error) ?? toGatewayError(error)),
      trip,
    );
  });
  // Awaited by the router, since what is called stands behind a return.
  app.onRequest(({ request }) => {
    return comeIn(options.tripOf(request));
  });

  // The handlers take the context apart in their head and nothing more: the router compiles them from their source text.
  // It awaits what stands behind an arrow and is called, so that none of them has to be asynchronous itself.
  for (const route of options.routes) {
    app.route(route.method, route.path, ({ request }) => route.answer(options.tripOf(request)), { parse: "none" });
  }
  for (const [path, methods] of methodsByPath(options.routes)) {
    app.all(path, async ({ request }) => refuseMethod(options.tripOf(request), methods), { parse: "none" });
  }

  app.compile();
  return app.fetch;
}

function methodsByPath(routes: readonly ServerRoute[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const route of routes) {
    if (route.hidesMethods === true) continue;
    const known = methods.get(route.path) ?? [];
    known.push(...(route.method === "GET" ? ["GET", "HEAD"] : [route.method]));
    methods.set(route.path, known);
  }
  return methods;
}

function refuseMethod(trip: Trip, methods: readonly string[]): never {
  trip.answerHeaders = { ...trip.answerHeaders, allow: methods.join(", ") };
  if (opensWebSocket(trip.request)) {
    trip.answerHeaders = { ...trip.answerHeaders, connection: "upgrade", upgrade: "HTTP/1.1" };
    throw new GatewayError(
      "upgrade-refused",
      `Cannot open a WebSocket at this address: it takes ${methods.join(" and ")} over HTTP`,
    );
  }
  throw new GatewayError(
    "method-not-allowed",
    `Cannot ${trip.request.method} this address: it takes ${methods.join(" and ")}`,
  );
}

/** Clients that try one first, such as Codex, go over to HTTP at once for 426, and try again several times for all else. */
function opensWebSocket({ method, headers }: Request): boolean {
  return method === "GET" && headers.get("upgrade")?.toLowerCase() === "websocket";
}
