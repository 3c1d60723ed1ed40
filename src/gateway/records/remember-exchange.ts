// An exchange to the history: what is told of one that ran, and of a request that never became one.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { TokenUsage } from "../../contract/events.ts";
import type { ErrorKind, GatewayError } from "../../contract/gateway-error.ts";
import { statusOn, type Surface } from "../../contract/surface.ts";
import type { ReplyOutcome } from "../../contract/upstream.ts";
import type { EndedContent, HistoryRecorder } from "../../history/ended-exchange.ts";
import { requestContent } from "../../history/exchange-content.ts";
import type { Asking } from "../exchange-request.ts";
import type { ExchangeOptions } from "../exchange-options.ts";

/** As nginx writes it down: the client closed its request. */
const hungUp = 499;

export interface ExchangeResult {
  readonly upstream: string;
  readonly account: string | undefined;
  readonly outcome: ReplyOutcome;
  readonly error: GatewayError | undefined;
  readonly attempts: number;
  readonly firstTokenMs: number | undefined;
  readonly totalMs: number;
  readonly usage: TokenUsage | undefined;
  readonly sentBytes: number;
  /** JSON. Undefined: what was said is not kept. */
  readonly reply: string | undefined;
}

export function rememberExchange(history: HistoryRecorder, options: ExchangeOptions, result: ExchangeResult): void {
  const { surface, identity, turn, requestId, request, caller } = options;
  const { outcome, error, usage, reply } = result;
  history.add({
    caller,
    requestId,
    surface: surface.name,
    model: identity.model,
    upstream: result.upstream,
    account: result.account ?? null,
    sessionId: turn.sessionId ?? null,
    status: outcome === "complete" ? 200 : statusOf(surface, outcome === "aborted", error?.kind),
    outcome,
    errorKind: error?.kind ?? null,
    stream: request.stream,
    attempts: result.attempts,
    firstTokenMs: result.firstTokenMs === undefined ? null : Math.round(result.firstTokenMs),
    totalMs: Math.round(result.totalMs),
    inputTokens: usage?.inputTokens ?? null,
    outputTokens: usage?.outputTokens ?? null,
    isEstimated: usage?.estimated === true,
    sentBytes: result.sentBytes,
    ...(reply === undefined ? {} : { content: contentOf(request, reply, history) }),
  });
}

/** @param request undefined: it could not even be read */
export function rememberRefusal(
  history: HistoryRecorder | undefined,
  { surface, asking, request }: { surface: Surface; asking: Asking; request: ChatRequest | undefined },
  error: GatewayError,
  hasLeft: boolean,
): void {
  const parts = history?.keptOf(asking.caller) ?? "off";
  if (history === undefined || parts === "off") return;
  history.add({
    caller: asking.caller,
    requestId: asking.requestId,
    surface: surface.name,
    model: request?.model ?? null,
    upstream: null,
    account: null,
    sessionId: null,
    status: statusOf(surface, hasLeft, error.kind),
    outcome: hasLeft ? "aborted" : "refused",
    errorKind: hasLeft ? null : error.kind,
    stream: request?.stream ?? false,
    attempts: 0,
    firstTokenMs: null,
    totalMs: 0,
    inputTokens: null,
    outputTokens: null,
    isEstimated: false,
    sentBytes: 0,
    ...(parts === "content" && request !== undefined ? { content: contentOf(request, nothingSaid, history) } : {}),
  });
}

const nothingSaid = '{"text":""}';

function contentOf({ messages }: ChatRequest, reply: string, { maxContentBytes }: HistoryRecorder): EndedContent {
  return { request: requestContent(messages, maxContentBytes), reply };
}

function statusOf(surface: Surface, hasLeft: boolean, kind: ErrorKind | undefined): number {
  return hasLeft ? hungUp : statusOn(surface, kind ?? "internal");
}
