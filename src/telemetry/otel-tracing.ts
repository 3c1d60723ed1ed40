// Traces by OpenTelemetry, sent by OTLP over HTTP. A collector that is not there costs a bounded queue and one warning.

import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { settledWithin } from "../contract/settled-within.ts";
import { createReplyTrace } from "./otel-reply-trace.ts";
import type { Log } from "./log.ts";
import { parseTraceParent } from "./trace-parent.ts";
import type { SpanFigures, TracedTrip, Tracing } from "./tracing.ts";

export interface OtelOptions {
  /** Of the collector, without the path of traces. */
  readonly endpoint: string;
  /** As the setting has them: name=value, separated by commas. */
  readonly headers: string | undefined;
  readonly serviceName: string;
  readonly version: string;
  /** Of the traces that begin here, how many are kept. */
  readonly samplePercent: number;
  readonly log: Log;
  /** Where spans are counted. @defaultValue from nothing */
  readonly figures?: SpanFigures;
}

/** Spans that wait to be sent; what comes beyond is dropped. */
const maxQueueSize = 4096;
const batchSize = 512;
const batchDelayMs = 2000;
const sendTimeoutMs = 5000;
/** A collector that hangs holds up no stop: its client tries again for longer than that. */
const longestCloseMs = 2000;
/** Requests that are over, by whose id a step that follows still finds its trace. */
const maxRecent = 512;

interface OpenRequest {
  readonly span: Span;
  readonly context: Context;
  readonly name: string;
  replies: number;
  hasAnswered: boolean;
}

export function createOtelTracing(options: OtelOptions): Tracing {
  const { figures = { ended: 0, sent: 0, failed: 0 } } = options;
  const provider = createProvider(options, figures);
  const tracer = provider.getTracer("qwen-gateway", options.version);
  const open = new Map<string, OpenRequest>();
  const recent = new Map<string, Context>();

  function endIfOver(requestId: string, request: OpenRequest): void {
    if (!request.hasAnswered || request.replies > 0 || !open.delete(requestId)) return;
    figures.ended++;
    request.span.end();
    recent.set(requestId, request.context);
    const oldest = recent.size > maxRecent ? recent.keys().next().value : undefined;
    if (oldest !== undefined) recent.delete(oldest);
  }

  return {
    begin(trip) {
      const span = startRequest(tracer, trip);
      const context = trace.setSpan(ROOT_CONTEXT, span);
      const name = `${trip.request.method} ${trip.path}`;
      open.set(trip.requestId, { span, context, name, replies: 0, hasAnswered: false });
    },
    answered(requestId, status) {
      const request = open.get(requestId);
      if (request === undefined) return;
      request.span.setAttribute("http.response.status_code", status);
      if (status >= 500) request.span.setStatus({ code: SpanStatusCode.ERROR });
      request.hasAnswered = true;
      endIfOver(requestId, request);
    },
    reply(requestId, reply) {
      const request = open.get(requestId);
      const context = request?.context ?? recent.get(requestId);
      if (context === undefined) return undefined;
      // Not before: the path of what is no reply may be anything, and names must be few.
      if (request !== undefined) {
        request.replies++;
        request.span.updateName(request.name);
      }
      return createReplyTrace({
        tracer,
        context,
        requestSpan: request?.span,
        reply,
        onSpanEnd: () => void figures.ended++,
        onEnd() {
          if (request === undefined) return;
          request.replies--;
          endIfOver(requestId, request);
        },
      });
    },
    figures,
    async close() {
      const sent = provider.shutdown().catch(() => {});
      await settledWithin(sent, longestCloseMs);
    },
  };
}

function startRequest(tracer: Tracer, { request, path, requestId }: TracedTrip): Span {
  const parent = parseTraceParent(request.headers.get("traceparent"));
  const state = parent === undefined ? null : request.headers.get("tracestate");
  const context =
    parent === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          ...parent,
          isRemote: true,
          ...(state === null ? {} : { traceState: createTraceState(state) }),
        });
  const attributes = {
    "http.request.method": request.method,
    "url.path": path,
    "url.scheme": "http",
    "qwen_gateway.request_id": requestId,
  };
  return tracer.startSpan(request.method, { kind: SpanKind.SERVER, attributes }, context);
}

function createProvider(options: OtelOptions, figures: SpanFigures): TracerProvider {
  const exporter = countExports(
    new OTLPTraceExporter({
      url: `${options.endpoint}/v1/traces`,
      timeoutMillis: sendTimeoutMs,
      headers: parseHeaders(options.headers),
    }),
    figures,
    options.log,
  );
  return new TracerProvider({
    resource: resourceFromAttributes({ "service.name": options.serviceName, "service.version": options.version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.samplePercent / 100) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize,
        maxExportBatchSize: batchSize,
        scheduledDelayMillis: batchDelayMs,
        exportTimeoutMillis: sendTimeoutMs,
      }),
    ],
  });
}

function countExports(exporter: SpanExporter, figures: SpanFigures, log: Log): SpanExporter {
  let hasFailed = false;
  return {
    export(spans, onResult) {
      exporter.export(spans, (result) => {
        if (result.code === 0) figures.sent += spans.length;
        else figures.failed += spans.length;
        // Once for each time that it goes away.
        if (result.code !== 0 && !hasFailed) {
          log.warn("Traces do not reach their collector", { reason: result.error?.message ?? "it refused them" });
        }
        hasFailed = result.code !== 0;
        onResult(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

/** Values are percent-encoded, as the specification of OTEL_EXPORTER_OTLP_HEADERS has them. */
function parseHeaders(text: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of text?.split(",") ?? []) {
    const at = pair.indexOf("=");
    if (at <= 0) continue;
    const value = pair.slice(at + 1).trim();
    try {
      headers[pair.slice(0, at).trim()] = decodeURIComponent(value);
    } catch {
      // A percent sign of its own.
      headers[pair.slice(0, at).trim()] = value;
    }
  }
  return headers;
}
