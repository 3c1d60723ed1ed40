// GET /api/feed: accounts and running answers, as they are and as they change.

import type { Json } from "../contract/json.ts";
import { createEventStream } from "../pipeline/event-stream.ts";
import { watchFeed } from "../pipeline/feed.ts";
import { eventStreamHeaders } from "../sse/event-stream-headers.ts";
import type { ServerRoute, Trip } from "./trip.ts";

export interface FeedRouteOptions {
  /** The accounts of all upstreams and their states, without secrets. */
  accounts(): Json;
  /** What runs for this caller. */
  streams(caller: string): Json;
  readonly keepAliveMs: number;
  endOf(trip: Trip): AbortSignal;
  keepOpen(request: Request): () => void;
}

const lookMs = 1000;

export function feedRoute(options: FeedRouteOptions): ServerRoute {
  return {
    method: "GET",
    path: "/api/feed",
    answer(trip) {
      const { request, caller, access } = trip;
      if (request.method === "HEAD") return new Response(null, { headers: eventStreamHeaders });
      options.keepOpen(request);
      const signal = options.endOf(trip);
      const source = watchFeed(
        [
          // Other people's accounts are the business of whoever runs the gateway.
          ["accounts", () => (access?.scopes?.admin === false ? [] : options.accounts())],
          ["streams", () => options.streams(caller)],
        ],
        lookMs,
        signal,
      );
      const body = createEventStream(source, { keepAliveMs: options.keepAliveMs, signal });
      return new Response(body, { headers: eventStreamHeaders });
    },
  };
}
