// GET /admin/api/samples: the last hour in slots of ten seconds, for plots.

import { Type } from "typebox";
import { GatewayError } from "../../contract/gateway-error.ts";
import { type Sample, sampleIntervalMs } from "../../telemetry/samples.ts";
import { isoTime } from "../iso-time.ts";
import { json, query } from "../openapi/operation.ts";
import type { AdminParts } from "./admin-parts.ts";
import type { AdminCall, AdminRoute } from "./admin-route.ts";
import { count, nullable } from "./schemas.ts";

const ms = Type.Number({ minimum: 0 });
const sample = Type.Object({
  /** When the slot began. */
  at: nullable(Type.String()),
  /** By how they ended; refused became no reply. */
  requests: Type.Object({ complete: count, failed: count, aborted: count, refused: count }),
  /** Null when no word came. */
  first_token_ms: nullable(Type.Object({ p50: ms, p95: ms })),
  /** At the same time, at most. */
  live_streams: count,
  /** What failed or was refused, by its kind. */
  errors: Type.Record(Type.String(), count),
});
const answer = Type.Object({
  interval_ms: count,
  /** Of what is kept; later than an hour ago where the process is younger. */
  from: nullable(Type.String()),
  to: nullable(Type.String()),
  data: Type.Array(sample),
});

const keptMs = 3_600_000;

export function sampleRoutes({ samples, clock, startedAtMs }: AdminParts): readonly AdminRoute[] {
  return [
    {
      operation: {
        method: "GET",
        path: "/admin/api/samples",
        tag: "admin",
        summary: "The last hour in slots of ten seconds: requests, first words, errors, what ran",
        parameters: {
          since: query(Type.String({ format: "date-time" }), "Only slots that began then or later"),
        },
        answers: { 200: json("Oldest first; slots that are not listed were quiet", answer) },
      },
      answer(call) {
        const nowMs = clock();
        return Response.json({
          interval_ms: sampleIntervalMs,
          from: isoTime(Math.max(startedAtMs, nowMs - keptMs)),
          to: isoTime(nowMs),
          data: samples(sinceOf(call)).map(encode),
        });
      },
    },
  ];
}

/** @throws {GatewayError} `invalid-request` */
function sinceOf(call: AdminCall): number | undefined {
  const text = call.query("since");
  if (text === undefined) return undefined;
  const atMs = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(atMs)) return atMs;
  throw new GatewayError("invalid-request", "since must be a time such as 2026-11-27T13:00:00Z", { param: "since" });
}

function encode({ atMs, complete, failed, aborted, refused, firstTokenMs, liveReplies, errors }: Sample) {
  return {
    at: isoTime(atMs),
    requests: { complete, failed, aborted, refused },
    first_token_ms:
      firstTokenMs === undefined ? null : { p50: wholeMs(firstTokenMs.p50), p95: wholeMs(firstTokenMs.p95) },
    live_streams: liveReplies,
    errors,
  };
}

function wholeMs(value: number): number {
  return Math.max(0, Math.round(value));
}
