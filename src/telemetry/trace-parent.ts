// The trace that a client has begun, as its headers tell it.
// @see https://www.w3.org/TR/trace-context/#traceparent-header

export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.{0,400})?$/;

/** @returns undefined for what is none: a new trace begins then */
export function parseTraceParent(header: string | null): TraceParent | undefined {
  const match = header === null ? null : form.exec(header.trim());
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", rest] = match;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  // Only the first bit is known: the trace is kept.
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1 };
}
