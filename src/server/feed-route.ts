// GET /api/feed: accounts and running answers, as they are and as they change, of all workers.

import type { JsonObject } from "../contract/json.ts";
import { createEventStream } from "../pipeline/event-stream.ts";
import { watchFeed } from "../pipeline/feed.ts";
import { eventStreamHeaders } from "../sse/event-stream-headers.ts";
import type { Fellows } from "../workers/fellows.ts";
import { createFellowRows, type FellowRows } from "./between-workers/fellow-rows.ts";
import type { ServerRoute, Trip } from "./trip.ts";

export interface FeedRouteOptions {
  /** The accounts of all upstreams and their states, without secrets. */
  accounts(): readonly JsonObject[];
  /** What runs for this caller. */
  streams(caller: string): readonly JsonObject[];
  /** The other workers, of which each knows what runs in it alone. */
  readonly fellows?: Pick<Fellows, "others" | "onRoster"> | undefined;
  readonly keepAliveMs: number;
  endOf(trip: Trip): AbortSignal;
  keepOpen(request: Request): () => void;
}

const lookMs = 1000;
const nothingElsewhere: FellowRows = () => [];

export function feedRoute(options: FeedRouteOptions): ServerRoute {
  const { fellows } = options;
  return {
    method: "GET",
    path: "/api/feed",
    answer(trip) {
      const { request, caller, access } = trip;
      if (request.method === "HEAD") return new Response(null, { headers: eventStreamHeaders });
      options.keepOpen(request);
      const signal = options.endOf(trip);
      // Another worker is told of this one alone: it follows the others itself.
      const isOfAll = fellows !== undefined && trip.isRelayed !== true;
      const elsewhere = isOfAll ? createFellowRows(fellows, trip, signal) : nothingElsewhere;
      const source = watchFeed(
        [
          // Other people's accounts are the business of whoever runs the gateway.
          [
            "accounts",
            () => (access?.scopes?.admin === false ? [] : withReplies(options.accounts(), elsewhere("accounts"))),
          ],
          ["streams", () => inOrder([...options.streams(caller), ...elsewhere("streams")])],
        ],
        lookMs,
        signal,
      );
      const body = createEventStream(source, { keepAliveMs: options.keepAliveMs, signal });
      return new Response(body, { headers: eventStreamHeaders });
    },
  };
}

/** The state of an account is that of all workers; its replies are counted where they run. */
function withReplies(accounts: readonly JsonObject[], elsewhere: readonly JsonObject[]): readonly JsonObject[] {
  return accounts.map((account) => {
    const same = elsewhere.filter(({ upstream, id }) => upstream === account["upstream"] && id === account["id"]);
    if (same.length === 0) return account;
    return { ...account, openReplies: [account, ...same].reduce((sum, one) => sum + Number(one["openReplies"]), 0) };
  });
}

/** Whoever comes back to another worker is told nothing anew. */
function inOrder(streams: readonly JsonObject[]): readonly JsonObject[] {
  return streams.toSorted((one, other) => Number(one["started_at"]) - Number(other["started_at"]));
}
