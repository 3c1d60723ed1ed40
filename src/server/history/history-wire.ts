// The history in JSON: questions as clients ask them, and exchanges as they are told.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { Json } from "../../contract/json.ts";
import type { WordReader } from "../../documents/search-words.ts";
import type { ExchangePage } from "../../history/scan-exchanges.ts";
import { mostSearchChars, searchTerms } from "../../history/search-words.ts";
import {
  type ExchangeFilter,
  exchangeOutcomes,
  type KeptExchange,
  type StoredContent,
} from "../../store/history-store.ts";
import { pageRange, parseLimit } from "../body/parse-limit.ts";
import { parseOrder } from "../body/parse-order.ts";

const maxFilterChars = 300;
const pageFields: ReadonlySet<string> = new Set(["limit", "order", "after"]);
const filterFields: ReadonlySet<string> = new Set([
  "session",
  "surface",
  "model",
  "upstream",
  "status",
  "outcome",
  "since",
  "until",
  "q",
]);

export interface AskedPage extends Omit<ExchangePage, "afterKey"> {
  /** Id of the exchange behind which it begins. */
  readonly after: string | undefined;
}

/** @throws {GatewayError} `invalid-request` that names the field */
export function parsePage(query: URLSearchParams): AskedPage {
  return {
    limit: parseLimit(query.get("limit"), "exchanges", pageRange),
    order: parseOrder(query),
    after: query.get("after") ?? undefined,
  };
}

/**
 * @param allowsPage whether the fields of a page may stand beside those of the filter
 * @throws {GatewayError} `invalid-request` that names the field, also one that is unknown: a filter with a typing error
 * would mean everything
 */
export function parseFilter(
  query: URLSearchParams,
  reader: WordReader,
  allowsPage: "page" | "no-page",
): ExchangeFilter {
  const seen = new Set<string>();
  for (const [name, value] of query) {
    const isKnown = filterFields.has(name) || (allowsPage === "page" && pageFields.has(name));
    if (!isKnown) throw wrong(name.slice(0, 64), `there is no such field; there are ${[...filterFields].join(", ")}`);
    if (seen.has(name)) throw wrong(name, "it is given twice");
    seen.add(name);
    const most = name === "q" ? mostSearchChars : maxFilterChars;
    if (value === "" || value.length > most) throw wrong(name, `it must have 1 to ${most} characters`);
  }
  const outcome = query.get("outcome") ?? undefined;
  const known = exchangeOutcomes.find((one) => one === outcome);
  if (outcome !== known) throw wrong("outcome", `it must be one of ${exchangeOutcomes.join(", ")}`);
  return {
    sessionId: query.get("session") ?? undefined,
    surface: query.get("surface") ?? undefined,
    model: query.get("model") ?? undefined,
    upstream: query.get("upstream") ?? undefined,
    status: statusOf(query.get("status")),
    outcome: known,
    sinceMs: timeOf(query, "since"),
    untilMs: timeOf(query, "until"),
    terms: termsOf(query.get("q"), reader),
  };
}

function statusOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (!/^[1-5]\d\d$/.test(text)) throw wrong("status", "it must be an HTTP status such as 200");
  return Number(text);
}

/** Seconds since 1970, as OpenAI has times, or a date. */
function timeOf(query: URLSearchParams, name: "since" | "until"): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const isSeconds = /^\d{1,11}(\.\d{1,3})?$/.test(text);
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const timeMs = isSeconds ? Number(text) * 1000 : isDate && isInCalendar(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(timeMs)) return Math.round(timeMs);
  throw wrong(name, "it must be seconds since 1970, or a time such as 2026-11-20T10:00:00Z");
}

/** `Date.parse` takes February 30 for March 2: a deletion would go further than it was told. */
function isInCalendar(text: string): boolean {
  const day = text.slice(0, "2026-11-20".length);
  const dayMs = Date.parse(day);
  return Number.isFinite(dayMs) && new Date(dayMs).toISOString().startsWith(day);
}

function termsOf(text: string | null, reader: WordReader): ExchangeFilter["terms"] {
  if (text === null) return undefined;
  const terms = searchTerms(text, reader);
  if (terms.length === 0) throw wrong("q", "there is no word in it");
  return terms;
}

export function encodeExchange(exchange: KeptExchange): Record<string, Json> {
  const { inputTokens, outputTokens, isEstimated } = exchange;
  return {
    id: exchange.exchangeId,
    object: "history.exchange",
    created_at: Math.floor(exchange.startedAtMs / 1000),
    request_id: exchange.requestId,
    surface: exchange.surface,
    model: exchange.model,
    upstream: exchange.upstream,
    account: exchange.account,
    session_id: exchange.sessionId,
    status: exchange.status,
    outcome: exchange.outcome,
    error_kind: exchange.errorKind,
    stream: exchange.stream,
    attempts: exchange.attempts,
    first_token_ms: exchange.firstTokenMs,
    total_ms: exchange.totalMs,
    usage:
      inputTokens === null && outputTokens === null
        ? null
        : { input_tokens: inputTokens, output_tokens: outputTokens, estimated: isEstimated },
    sent_bytes: exchange.sentBytes,
    content: exchange.contentState,
  };
}

/** With what was said; both null where that is not kept, or no more. */
export function encodeWhole(exchange: KeptExchange, content: StoredContent | undefined): Record<string, Json> {
  return {
    ...encodeExchange(exchange),
    request: content === undefined ? null : (JSON.parse(content.request) as Json),
    reply: content === undefined ? null : (JSON.parse(content.reply) as Json),
  };
}

function wrong(param: string, reason: string): GatewayError {
  return new GatewayError("invalid-request", `Cannot read "${param}" of the question to the history: ${reason}`, {
    param,
  });
}
