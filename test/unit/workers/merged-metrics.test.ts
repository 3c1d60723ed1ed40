import { expect, test } from "bun:test";
import { createMetrics, type ScrapedMetrics } from "../../../src/telemetry/create-metrics.ts";
import type { MetricRow } from "../../../src/telemetry/merge-metrics.ts";
import { createMergedMetrics, type MergedMetrics } from "../../../src/workers/merged-metrics.ts";
import { parseMetrics, sumOf } from "../../support/read-metrics.ts";

function createWorker(state: "closed" | "open" = "closed"): ScrapedMetrics {
  return createMetrics({
    version: "1.2.3",
    accounts: () => [],
    upstreamRequests: () => ({ inFlight: 2, max: 100 }),
    upstreams: () => [{ upstream: "qwen-web", state: "answering", breaker: state }],
    storeBytes: () => 5000,
    maxReplies: () => 7,
  });
}

function answer(metrics: ScrapedMetrics, times: number, totalMs: number): void {
  for (let time = 0; time < times; time++) {
    const labels = { surface: "chat", upstream: "qwen-web", stream: true };
    metrics.replyStarted(labels);
    metrics.replyEnded(labels, {
      upstream: "qwen-web",
      outcome: "complete",
      kind: undefined,
      attempts: 1,
      totalMs,
      firstTokenMs: 10,
      queuedMs: 0,
      inputTokens: 3,
      outputTokens: 4,
      receivedBytes: 10,
      sentBytes: 20,
      receivedChunks: 1,
      sentChunks: 2,
    });
  }
}

/** As it comes over the channel. */
async function rowsOf(metrics: ScrapedMetrics): Promise<readonly MetricRow[]> {
  return JSON.parse(JSON.stringify(await metrics.gather())) as MetricRow[];
}

async function read(merged: MergedMetrics) {
  return parseMetrics((await merged.scrape([])).text);
}

test("mergedMetrics adds what is counted and what runs, and tells once what all of them tell", async () => {
  const [one, two] = [createWorker(), createWorker("open")];
  answer(one, 2, 200);
  answer(two, 3, 3000);
  const merged = createMergedMetrics();
  merged.note(1, await rowsOf(one));
  merged.note(2, await rowsOf(two));
  const samples = await read(merged);

  expect(sumOf(samples, "qwen_gateway_requests_total", { outcome: "complete" })).toBe(5);
  expect(sumOf(samples, "qwen_gateway_reply_duration_seconds_count")).toBe(5);
  expect(sumOf(samples, "qwen_gateway_reply_duration_seconds_bucket", { le: "0.25" })).toBe(2);
  expect(sumOf(samples, "qwen_gateway_reply_duration_seconds_bucket", { le: "+Inf" })).toBe(5);
  expect(sumOf(samples, "qwen_gateway_upstream_requests")).toBe(4);
  expect(sumOf(samples, "qwen_gateway_open_replies_max")).toBe(14);
  expect(sumOf(samples, "qwen_gateway_store_bytes")).toBe(5000);
  expect(sumOf(samples, "qwen_gateway_info", { version: "1.2.3" })).toBe(1);
  expect(sumOf(samples, "qwen_gateway_upstream_state", { state: "answering" })).toBe(1);
  expect(sumOf(samples, "qwen_gateway_breaker_state", { state: "open" })).toBe(1);
  expect(sumOf(samples, "process_resident_memory_bytes")).toBeGreaterThan(process.memoryUsage.rss());
  const startedAt = sumOf(samples, "process_start_time_seconds") ?? 0;
  expect(startedAt).toBeLessThan(Date.now() / 1000 + 1);
});

test("mergedMetrics keeps what a worker has counted when it ends, however many end, and nothing of what ran", async () => {
  const merged = createMergedMetrics();
  for (let round = 1; round <= 5; round++) {
    const worker = createWorker();
    answer(worker, 2, 200);
    merged.note(1, await rowsOf(worker));
    await merged.left(1);
  }
  await merged.left(1);
  const last = createWorker();
  answer(last, 1, 200);
  merged.note(1, await rowsOf(last));
  const samples = await read(merged);

  expect(sumOf(samples, "qwen_gateway_requests_total")).toBe(11);
  expect(sumOf(samples, "qwen_gateway_reply_duration_seconds_count")).toBe(11);
  expect(sumOf(samples, "qwen_gateway_tokens_total", { direction: "output" })).toBe(44);
  expect(sumOf(samples, "qwen_gateway_upstream_requests")).toBe(2);
});

test("mergedMetrics of nobody are the supervisor's own", async () => {
  const rows = [
    {
      name: "qwen_gateway_workers",
      help: "Workers",
      type: "gauge",
      values: [{ value: 0, labels: {} }],
      aggregator: "sum",
    },
  ] as unknown as MetricRow[];
  const { contentType, text } = await createMergedMetrics().scrape(rows);

  expect(contentType).toStartWith("text/plain");
  expect(parseMetrics(text)).toEqual([{ name: "qwen_gateway_workers", labels: {}, value: 0 }]);
});
