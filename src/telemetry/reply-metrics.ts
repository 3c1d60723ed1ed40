// The counters and histograms by name, meaning and labels, and how a reply, a refusal or a call of the store moves them.

import type { Registry } from "prom-client";
import type { ErrorKind } from "../contract/gateway-error.ts";
import type { ReplyFigures, ReplyLabels } from "./metrics.ts";
import type { PromClient } from "./prom-client.ts";

export interface ReplyMetrics {
  reply(labels: ReplyLabels, figures: ReplyFigures): void;
  refusal(surface: string, kind: ErrorKind): void;
  queueRefusal(upstream: string, reason: string): void;
  store(operation: string, durationMs: number, hasFailed: boolean): void;
}

/** Upper bounds of the buckets, from a local model's first word to a thinking model's. */
const firstTokenSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120];
const durationSeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280];
const tokensPerSecond = [2, 5, 10, 20, 40, 60, 80, 120, 160, 240, 480, 960];
const waitSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60];
const storeSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

const lane = ["surface", "upstream"] as const;

export function createReplyMetrics(prom: PromClient, registry: Registry): ReplyMetrics {
  const counters = createCounters(prom, registry);
  const histograms = createHistograms(prom, registry);

  return {
    reply({ surface, stream }, figures) {
      const { upstream, outcome, kind, firstTokenMs, totalMs, outputTokens } = figures;
      const where = { surface, upstream };
      counters.requests.inc({ ...where, stream: String(stream), outcome });
      if (kind !== undefined && outcome === "failed") counters.errors.inc({ ...where, kind });
      if (figures.attempts > 1) counters.retries.inc(where, figures.attempts - 1);
      counters.tokens.inc({ ...where, direction: "input" }, figures.inputTokens ?? 0);
      counters.tokens.inc({ ...where, direction: "output" }, outputTokens ?? 0);
      counters.bytes.inc({ ...where, direction: "received" }, figures.receivedBytes);
      counters.bytes.inc({ ...where, direction: "sent" }, figures.sentBytes);
      counters.chunks.inc({ ...where, direction: "received" }, figures.receivedChunks);
      counters.chunks.inc({ ...where, direction: "sent" }, figures.sentChunks);
      histograms.duration.observe({ ...where, outcome }, totalMs / 1000);
      if (figures.queuedMs > 0) histograms.queueWait.observe(where, figures.queuedMs / 1000);
      if (firstTokenMs === undefined) return;
      histograms.firstToken.observe(where, firstTokenMs / 1000);
      const tellingMs = totalMs - firstTokenMs;
      if (outcome !== "complete" || outputTokens === undefined || tellingMs <= 0) return;
      histograms.throughput.observe(where, outputTokens / (tellingMs / 1000));
    },
    queueRefusal: (upstream, reason) => counters.queueRefusals.inc({ upstream, reason }),
    refusal: (surface, kind) => counters.refusals.inc({ surface, kind }),
    store(operation, durationMs, hasFailed) {
      histograms.store.observe({ operation }, durationMs / 1000);
      if (hasFailed) counters.storeFailures.inc({ operation });
    },
  };
}

function createCounters({ Counter }: PromClient, registry: Registry) {
  const create = <Name extends string>(name: string, help: string, labelNames: readonly Name[]) =>
    new Counter<Name>({ name: `qwen_gateway_${name}`, help, labelNames, registers: [registry] });
  return {
    requests: create("requests_total", "Replies that ended, by how they ended", [...lane, "stream", "outcome"]),
    errors: create("errors_total", "Replies that ended by an error, by its kind", [...lane, "kind"]),
    refusals: create("refusals_total", "Requests that became no reply, by the reason", ["surface", "kind"]),
    queueRefusals: create("queue_refusals_total", "Requests that an upstream's line did not take", [
      "upstream",
      "reason",
    ]),
    retries: create("retries_total", "Attempts at an upstream behind the first", lane),
    tokens: create("tokens_total", "Tokens of ended replies", [...lane, "direction"]),
    bytes: create("bytes_total", "Bytes of ended replies, from the upstream and to the client", [...lane, "direction"]),
    chunks: create("chunks_total", "Pieces of ended replies, as they came and as they went", [...lane, "direction"]),
    storeFailures: create("store_failures_total", "Calls of the store that failed", ["operation"]),
  };
}

function createHistograms({ Histogram }: PromClient, registry: Registry) {
  const create = <Name extends string>(name: string, help: string, labelNames: readonly Name[], buckets: number[]) =>
    new Histogram<Name>({ name: `qwen_gateway_${name}`, help, labelNames, buckets, registers: [registry] });
  return {
    firstToken: create("first_token_seconds", "From the request to the first word", lane, firstTokenSeconds),
    duration: create("reply_duration_seconds", "From the request to the end", [...lane, "outcome"], durationSeconds),
    queueWait: create("queue_wait_seconds", "Waits of replies that stood in line", lane, waitSeconds),
    throughput: create(
      "output_tokens_per_second",
      "Speed of complete replies between the first word and the end",
      lane,
      tokensPerSecond,
    ),
    store: create("store_seconds", "Calls of the store until they are settled", ["operation"], storeSeconds),
  };
}
