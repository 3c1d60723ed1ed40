// A collector of traces on a free port: takes OTLP over HTTP in JSON and remembers the spans.

export interface CollectedSpan {
  readonly name: string;
  /** 2: server, 3: client. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
  /** 2: an error. */
  readonly status: number;
  readonly durationMs: number;
}

export interface FakeCollector extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** As they were sent. */
  readonly bodies: readonly string[];
  readonly headers: readonly Headers[];
  readonly resource: Readonly<Record<string, unknown>>;
}

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values?: readonly Value[] };
}

type Attributes = readonly { readonly key: string; readonly value: Value }[];

interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string;
        readonly kind: number;
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly attributes: Attributes;
        readonly events: readonly { readonly name: string }[];
        readonly status: { readonly code?: number };
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
      }[];
    }[];
  }[];
}

export function serveCollector(status = 200): FakeCollector {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const headers: Headers[] = [];
  const resource: Record<string, unknown> = {};
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    development: false,
    async fetch(request) {
      const body = await request.text();
      if (new URL(request.url).pathname !== "/v1/traces") return new Response(null, { status: 404 });
      headers.push(request.headers);
      bodies.push(body);
      if (status !== 200) return new Response(null, { status });
      // What the exporter wrote; a wrong form fails the test that reads it.
      for (const { resource: sent, scopeSpans } of (JSON.parse(body) as Sent).resourceSpans) {
        Object.assign(resource, readAttributes(sent.attributes));
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
          spans.push({
            name: span.name,
            kind: span.kind,
            traceId: span.traceId,
            spanId: span.spanId,
            parentSpanId: span.parentSpanId ?? "",
            attributes: readAttributes(span.attributes),
            events: span.events.map(({ name }) => name),
            status: span.status.code ?? 0,
            durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
          });
        }
      }
      return Response.json({});
    },
  });
  return {
    url: server.url.href.replace(/\/$/, ""),
    spans,
    bodies,
    headers,
    resource,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function readAttributes(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]));
}

function readValue({ stringValue, intValue, doubleValue, boolValue, arrayValue }: Value): unknown {
  if (arrayValue !== undefined) return (arrayValue.values ?? []).map(readValue);
  return stringValue ?? (intValue === undefined ? undefined : Number(intValue)) ?? doubleValue ?? boolValue;
}
