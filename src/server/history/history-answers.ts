// What the routes of the history answer, whoever asks: a caller about what is his own, or an administrator about everybody's.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { Json } from "../../contract/json.ts";
import { othersFirst } from "../../contract/others-first.ts";
import { createWordReader } from "../../documents/search-words.ts";
import type { KeptParts } from "../../history/ended-exchange.ts";
import { eachExchange, listExchanges, removeExchanges } from "../../history/scan-exchanges.ts";
import { type OpenedHistory, scrub } from "../../history/write-group.ts";
import { retryWhileBusy } from "../../store/busy-retry.ts";
import type { ExchangeFilter, HistoryScope, KeptExchange, StoredContent } from "../../store/history-store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Edge } from "../create-server.ts";
import { encodeExchange, encodeWhole, parseFilter, parsePage } from "./history-wire.ts";

/** The history as the app has it. */
export interface HistoryAccess {
  /** With all that has ended before. Undefined: nothing was ever kept. */
  open(): Promise<OpenedHistory | undefined>;
  keptOf(caller: string): KeptParts;
}

export interface HistoryAnswersOptions extends Pick<HistoryAccess, "open">, Pick<Edge, "keepOpen" | "stopping"> {
  readonly log: Log;
  /** Added to each exchange. @defaultValue nothing */
  readonly describe?: (exchange: KeptExchange) => Readonly<Record<string, Json>>;
}

/** A question to the history. */
export interface HistoryQuestion {
  readonly request: Request;
  readonly scope: HistoryScope;
  /** What else stands there is the filter. */
  readonly query: URLSearchParams;
}

export interface HistoryAnswers {
  /** @param more beside the list */
  list(question: HistoryQuestion, more: Readonly<Record<string, Json>>): Promise<Response>;
  /** @throws {GatewayError} `not-found` */
  read(scope: HistoryScope, exchangeId: string): Promise<Response>;
  /** @throws {GatewayError} `not-found` */
  remove(scope: HistoryScope, exchangeId: string): Promise<Response>;
  /** @throws {GatewayError} `invalid-request` without a filter and without `all` */
  removeAll(question: HistoryQuestion): Promise<{ readonly deleted: number; readonly response: Response }>;
  export(question: HistoryQuestion): Promise<Response>;
}

/** A deletion is told at the latest after so long, when it has to tidy up a large file. */
const mostScrubMs = 2000;
const encoder = new TextEncoder();

export function createHistoryAnswers(options: HistoryAnswersOptions): HistoryAnswers {
  const { open, log, keepOpen, stopping, describe = () => ({}) } = options;
  const reader = createWordReader();
  const signalOf = (request: Request): AbortSignal => AbortSignal.any([request.signal, stopping]);
  const encode = (exchange: KeptExchange): Json => ({ ...encodeExchange(exchange), ...describe(exchange) });
  const encodeAll = (exchange: KeptExchange, content: StoredContent | undefined): Json => ({
    ...encodeWhole(exchange, content),
    ...describe(exchange),
  });

  async function* lines(
    { store }: OpenedHistory,
    scope: HistoryScope,
    filter: ExchangeFilter,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    for await (const { exchangeId } of eachExchange(store, { scope, filter }, signal)) {
      const found = await retryWhileBusy(() => store.find(scope, exchangeId));
      if (found !== undefined) yield encoder.encode(`${JSON.stringify(encodeAll(found, found.content))}\n`);
      await othersFirst();
    }
  }

  return {
    async list({ request, scope, query }, more) {
      const { after, ...page } = parsePage(query);
      const filter = parseFilter(query, reader, "page");
      const history = await open();
      const afterKey = after === undefined ? undefined : history?.store.keyOf(scope, after);
      // Behind one that is gone there is nothing: a list from its beginning would never end.
      const isOver = history === undefined || (after !== undefined && afterKey === undefined);
      const { exchanges, nextKey } = isOver
        ? { exchanges: [], nextKey: undefined }
        : await listExchanges(history.store, { scope, filter }, { ...page, afterKey }, signalOf(request));
      return Response.json({
        object: "list",
        ...more,
        data: exchanges.map(encode),
        first_id: exchanges[0]?.exchangeId ?? null,
        last_id: exchanges.at(-1)?.exchangeId ?? null,
        has_more: nextKey !== undefined,
        next: nextKey === undefined ? null : (history?.store.idOf(nextKey) ?? null),
      });
    },
    async read(scope, exchangeId) {
      const history = await open();
      const found = await retryWhileBusy(() => history?.store.find(scope, exchangeId));
      if (found === undefined) throw notFound();
      return Response.json(encodeAll(found, found.content));
    },
    async remove(scope, exchangeId) {
      const history = await open();
      if (history === undefined || !(await retryWhileBusy(() => history.store.remove(scope, exchangeId)))) {
        throw notFound();
      }
      await scrub(history.store, mostScrubMs, log);
      return Response.json({ id: exchangeId, object: "history.exchange.deleted", deleted: true });
    },
    async removeAll({ request, scope, query }) {
      const isAll = query.get("all") === "true";
      query.delete("all", "true");
      const filter = parseFilter(query, reader, "no-page");
      if (!isAll && [...query].length === 0) {
        throw new GatewayError("invalid-request", "Cannot delete the history: name a filter, or say all=true", {
          param: "all",
        });
      }
      const history = await open();
      let deleted = 0;
      if (history !== undefined) {
        keepOpen(request);
        // Whoever has ordered it may hang up: what he wants gone is to be gone.
        deleted = await removeExchanges(history.store, { scope, filter }, stopping);
        await scrub(history.store, mostScrubMs, log);
      }
      return { deleted, response: Response.json({ object: "history.deleted", deleted }) };
    },
    async export({ request, scope, query }) {
      const headers = {
        "content-type": "application/x-ndjson",
        "content-disposition": 'attachment; filename="history.jsonl"',
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
      };
      const filter = parseFilter(query, reader, "no-page");
      const history = await open();
      // The router reads a body to its end to tell HEAD its length.
      if (history === undefined || request.method === "HEAD") return new Response("", { headers });
      keepOpen(request);
      return new Response(streamOf(lines(history, scope, filter, signalOf(request))), { headers });
    },
  };
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

function notFound(): GatewayError {
  return new GatewayError("not-found", "Cannot find this exchange: it was deleted, has expired, or never was");
}
