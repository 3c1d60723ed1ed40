// The routes of the history: listed and searched, looked at, deleted and exported. Each caller has his own alone.

import { GatewayError } from "../contract/gateway-error.ts";
import { othersFirst } from "../documents/breath.ts";
import { createWordReader } from "../documents/search-words.ts";
import type { KeptParts } from "../history/ended-exchange.ts";
import { finish, type OpenedHistory, scrub } from "../history/write-group.ts";
import { retryWhileBusy } from "../store/busy-retry.ts";
import type { ExchangeFilter } from "../store/history-store.ts";
import type { Log } from "../telemetry/log.ts";
import type { Edge } from "./create-server.ts";
import { encodeExchange, encodeWhole, parseFilter, parsePage } from "./history-wire.ts";
import { pathRest, type ServerRoute, type Trip } from "./trip.ts";

export interface HistoryRoutesOptions extends Pick<Edge, "keepOpen" | "stopping"> {
  /** With all that has ended before. Undefined: nothing was ever kept. */
  open(): Promise<OpenedHistory | undefined>;
  keptOf(caller: string): KeptParts;
  readonly log: Log;
}

const path = "/v1/history";
const prefix = `${path}/`;
/** Exchanges that an export reads at a time. What was said in them is read one by one. */
const exportedAtOnce = 50;
/** A deletion is told at the latest after so long, when it has to tidy up a large file. */
const mostScrubMs = 2000;
const encoder = new TextEncoder();

export function historyRoutes(options: HistoryRoutesOptions): ServerRoute[] {
  const reader = createWordReader();

  async function list(trip: Trip): Promise<Response> {
    const query = queryOf(trip);
    const history = await options.open();
    const page = parsePage(query);
    const filter = parseFilter(query, reader, "page");
    const { exchanges, hasMore } =
      history === undefined
        ? { exchanges: [], hasMore: false }
        : await retryWhileBusy(() => history.store.list(trip.caller, filter, page));
    return Response.json({
      object: "list",
      kept: options.keptOf(trip.caller),
      data: exchanges.map(encodeExchange),
      first_id: exchanges[0]?.exchangeId ?? null,
      last_id: exchanges.at(-1)?.exchangeId ?? null,
      has_more: hasMore,
    });
  }

  async function read(trip: Trip): Promise<Response> {
    const history = await options.open();
    const id = pathRest(trip, prefix) ?? "";
    const found = await retryWhileBusy(() => history?.store.find(trip.caller, id));
    if (found === undefined) throw notFound();
    return Response.json(encodeWhole(found, found.content));
  }

  async function remove(trip: Trip): Promise<Response> {
    const history = await options.open();
    const id = pathRest(trip, prefix) ?? "";
    if (history === undefined || !(await retryWhileBusy(() => history.store.remove(trip.caller, id)))) throw notFound();
    await scrub(history.store, mostScrubMs, options.log);
    return Response.json({ id, object: "history.exchange.deleted", deleted: true });
  }

  async function removeAll(trip: Trip): Promise<Response> {
    const query = queryOf(trip);
    const isAll = query.get("all") === "true";
    query.delete("all", "true");
    const history = await options.open();
    const filter = parseFilter(query, reader, "no-page");
    if (!isAll && [...query].length === 0) {
      throw new GatewayError("invalid-request", "Cannot delete the history: name a filter, or say all=true", {
        param: "all",
      });
    }
    let deleted = 0;
    if (history !== undefined) {
      options.keepOpen(trip.request);
      await finish(() => {
        const some = history.store.removeSome(trip.caller, filter);
        deleted += some;
        return some > 0;
      });
      await scrub(history.store, mostScrubMs, options.log);
    }
    return Response.json({ object: "history.deleted", deleted });
  }

  async function exportAll(trip: Trip): Promise<Response> {
    const headers = {
      "content-type": "application/x-ndjson",
      "content-disposition": 'attachment; filename="history.jsonl"',
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    };
    const query = queryOf(trip);
    const history = await options.open();
    const filter = parseFilter(query, reader, "no-page");
    // The router reads a body to its end to tell HEAD its length.
    if (history === undefined || trip.request.method === "HEAD") return new Response("", { headers });
    options.keepOpen(trip.request);
    const lines = exportLines(history, trip.caller, filter, AbortSignal.any([trip.request.signal, options.stopping]));
    return new Response(streamOf(lines), { headers });
  }

  return [
    { method: "GET", path, answer: list },
    { method: "DELETE", path, answer: removeAll },
    { method: "GET", path: `${path}/export`, answer: exportAll },
    { method: "GET", path: `${path}/*`, answer: read },
    { method: "DELETE", path: `${path}/*`, answer: remove },
  ];
}

/** The oldest first. What ends meanwhile comes too, what is deleted meanwhile does not. */
async function* exportLines(
  { store }: OpenedHistory,
  caller: string,
  filter: ExchangeFilter,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let afterKey: number | undefined;
  for (;;) {
    const page = { order: "asc", limit: exportedAtOnce, afterKey } as const;
    const { exchanges, hasMore } = await retryWhileBusy(() => store.list(caller, filter, page));
    for (const { exchangeId, exchangeKey } of exchanges) {
      signal.throwIfAborted();
      const found = await retryWhileBusy(() => store.find(caller, exchangeId));
      afterKey = exchangeKey;
      if (found !== undefined) yield encoder.encode(`${JSON.stringify(encodeWhole(found, found.content))}\n`);
      await othersFirst();
    }
    if (!hasMore) return;
  }
}

/** One line for each that its reader asks for: it holds no more than that. */
function streamOf(lines: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await lines.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await lines.return(undefined);
      },
    },
    { highWaterMark: 1 },
  );
}

function queryOf(trip: Trip): URLSearchParams {
  return new URL(trip.request.url).searchParams;
}

function notFound(): GatewayError {
  return new GatewayError("not-found", "Cannot find this exchange: it was deleted, has expired, or never was");
}
