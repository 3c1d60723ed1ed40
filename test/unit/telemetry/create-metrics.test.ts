import { describe, expect, test } from "bun:test";
import type { AccountView } from "../../../src/contract/upstream.ts";
import { createMetrics, type ScrapedMetrics } from "../../../src/telemetry/create-metrics.ts";
import type { ReplyFigures, ReplyLabels } from "../../../src/telemetry/metrics.ts";
import { parseMetrics, type Sample, sumOf } from "../../support/read-metrics.ts";

const streamed: ReplyLabels = { surface: "openai-chat", upstream: "qwen-web", stream: true };
const whole: ReplyLabels = { ...streamed, stream: false };
const lane = { surface: "openai-chat", upstream: "qwen-web" };
const complete: ReplyFigures = {
  upstream: "qwen-web",
  outcome: "complete",
  kind: undefined,
  attempts: 1,
  firstTokenMs: 300,
  queuedMs: 0,
  totalMs: 2300,
  inputTokens: 10,
  outputTokens: 100,
  sentBytes: 5000,
  sentChunks: 50,
  receivedBytes: 9000,
  receivedChunks: 40,
};
const quiet = { version: "1.2.3", accounts: () => [], upstreamRequests: () => undefined };

async function scrape(metrics: ScrapedMetrics): Promise<Sample[]> {
  return parseMetrics((await metrics.scrape()).text);
}

describe("createMetrics", () => {
  test("createMetrics counts replies by lane and outcome, with latency and duration [R0-063]", async () => {
    const metrics = createMetrics(quiet);
    metrics.replyStarted(streamed);
    metrics.replyEnded(streamed, complete);
    metrics.replyStarted(streamed);
    metrics.replyEnded(streamed, {
      ...complete,
      outcome: "failed",
      kind: "upstream-timeout",
      attempts: 3,
      firstTokenMs: undefined,
    });

    const samples = await scrape(metrics);

    expect(sumOf(samples, "qwen_gateway_requests_total", { ...lane, stream: "true", outcome: "complete" })).toBe(1);
    expect(sumOf(samples, "qwen_gateway_requests_total", { ...lane, stream: "true", outcome: "failed" })).toBe(1);
    expect(sumOf(samples, "qwen_gateway_errors_total", { ...lane, kind: "upstream-timeout" })).toBe(1);
    expect(sumOf(samples, "qwen_gateway_retries_total", lane)).toBe(2);
    expect(sumOf(samples, "qwen_gateway_first_token_seconds_count", lane)).toBe(1);
    expect(sumOf(samples, "qwen_gateway_first_token_seconds_sum", lane)).toBeCloseTo(0.3);
    expect(sumOf(samples, "qwen_gateway_first_token_seconds_bucket", { ...lane, le: "0.25" })).toBe(0);
    expect(sumOf(samples, "qwen_gateway_first_token_seconds_bucket", { ...lane, le: "0.5" })).toBe(1);
    expect(sumOf(samples, "qwen_gateway_reply_duration_seconds_count", lane)).toBe(2);
  });

  test("createMetrics adds up tokens, bytes and chunks, and tells the speed of an answer [R0-064]", async () => {
    const metrics = createMetrics(quiet);
    metrics.replyEnded(streamed, complete);
    metrics.replyEnded(streamed, complete);

    const samples = await scrape(metrics);

    const total = (what: string, direction: string) =>
      sumOf(samples, `qwen_gateway_${what}_total`, { ...lane, direction });
    expect([total("tokens", "input"), total("tokens", "output")]).toEqual([20, 200]);
    expect([total("bytes", "received"), total("bytes", "sent")]).toEqual([18_000, 10_000]);
    expect([total("chunks", "received"), total("chunks", "sent")]).toEqual([80, 100]);
    // 100 tokens in the 2 s behind the first word.
    expect(sumOf(samples, "qwen_gateway_output_tokens_per_second_sum", lane)).toBe(100);
    expect(sumOf(samples, "qwen_gateway_output_tokens_per_second_count", lane)).toBe(2);
  });

  test("createMetrics tells who stands in line, for how long, and who was not taken", async () => {
    let waiting = 2;
    const metrics = createMetrics({ ...quiet, queues: () => [{ upstream: "qwen-web", waiting, running: 3 }] });
    metrics.replyEnded(streamed, complete);
    metrics.replyEnded(streamed, { ...complete, queuedMs: 1500 });
    metrics.queueRefused("qwen-web", "full");

    const samples = await scrape(metrics);

    const upstream = { upstream: "qwen-web" };
    expect(sumOf(samples, "qwen_gateway_queue_depth", upstream)).toBe(2);
    expect(sumOf(samples, "qwen_gateway_upstream_attempts", upstream)).toBe(3);
    // A reply that did not wait is none of a line's.
    expect(sumOf(samples, "qwen_gateway_queue_wait_seconds_count", lane)).toBe(1);
    expect(sumOf(samples, "qwen_gateway_queue_wait_seconds_sum", lane)).toBe(1.5);
    expect(sumOf(samples, "qwen_gateway_queue_refusals_total", { ...upstream, reason: "full" })).toBe(1);
    waiting = 0;
    expect(sumOf(await scrape(metrics), "qwen_gateway_queue_depth", upstream)).toBe(0);
  });

  test("createMetrics tells which upstreams answer and which are passed over, and forgets those that are gone", async () => {
    const home = { upstream: "home", state: "failing", breaker: "half-open" } as const;
    const cloud = { upstream: "dashscope", state: "answering", breaker: "closed" } as const;
    let upstreams: readonly (typeof home | typeof cloud)[] = [home, cloud];
    const metrics = createMetrics({ ...quiet, upstreams: () => upstreams });
    const told = (samples: readonly Sample[]) =>
      samples
        .filter(({ name, value }) => /^qwen_gateway_(?:upstream|breaker)_state$/.test(name) && value === 1)
        .map(({ labels }) => `${labels["upstream"]} ${labels["state"]}`);
    const before = await scrape(metrics);
    upstreams = [cloud];

    const after = await scrape(metrics);

    expect(told(before)).toEqual(["home failing", "dashscope answering", "home half-open", "dashscope closed"]);
    expect(sumOf(before, "qwen_gateway_upstream_state", { upstream: "home", state: "answering" })).toBe(0);
    expect(told(after)).toEqual(["dashscope answering", "dashscope closed"]);
  });

  test("createMetrics knows the open streams at any time, and keeps a lane that fell idle at 0", async () => {
    const metrics = createMetrics(quiet);
    metrics.replyStarted(streamed);
    metrics.replyStarted(streamed);
    metrics.replyStarted(whole);
    expect(sumOf(await scrape(metrics), "streaming_connections_active")).toBe(2);
    metrics.replyEnded(streamed, complete);
    metrics.replyEnded(streamed, complete);

    const samples = await scrape(metrics);

    expect(sumOf(samples, "streaming_connections_active")).toBe(0);
    expect(sumOf(samples, "qwen_gateway_open_replies", { ...lane, stream: "true" })).toBe(0);
    expect(sumOf(samples, "qwen_gateway_open_replies", { ...lane, stream: "false" })).toBe(1);
  });

  test("createMetrics counts refusals by reason and the store by operation", async () => {
    const metrics = createMetrics(quiet);
    metrics.requestRefused("openai-chat", "rate-limited");
    metrics.storeTimed("endTurn", 2, false);
    metrics.storeTimed("endTurn", 4, true);

    const samples = await scrape(metrics);

    expect(sumOf(samples, "qwen_gateway_refusals_total", { surface: "openai-chat", kind: "rate-limited" })).toBe(1);
    expect(sumOf(samples, "qwen_gateway_store_seconds_count", { operation: "endTurn" })).toBe(2);
    expect(sumOf(samples, "qwen_gateway_store_seconds_sum", { operation: "endTurn" })).toBeCloseTo(0.006);
    expect(sumOf(samples, "qwen_gateway_store_failures_total", { operation: "endTurn" })).toBe(1);
  });

  test("createMetrics reads accounts when it is asked, and forgets those that are gone", async () => {
    let account: AccountView = { id: "1", alias: "work", state: "ready", openReplies: 2 };
    const metrics = createMetrics({
      ...quiet,
      accounts: () => [{ upstream: "qwen-web", account }],
      upstreamRequests: () => ({ inFlight: 7, max: 256 }),
    });
    const before = await scrape(metrics);
    account = { id: "2", alias: "home", state: "challenged", openReplies: 0 };

    const after = await scrape(metrics);

    const states = (samples: readonly Sample[]) =>
      samples
        .filter(({ name, value }) => name === "qwen_gateway_account_state" && value === 1)
        .map(({ labels }) => `${labels["account"]} ${labels["state"]}`);
    expect(states(before)).toEqual(["work ready"]);
    expect(states(after)).toEqual(["home challenged"]);
    expect(sumOf(before, "qwen_gateway_account_open_replies", { account: "work" })).toBe(2);
    expect(sumOf(after, "qwen_gateway_upstream_requests")).toBe(7);
    expect(sumOf(after, "qwen_gateway_upstream_requests_max")).toBe(256);
  });

  test("createMetrics tells of the process only what the runtime measures, event-loop delay included", async () => {
    const samples = await scrape(createMetrics(quiet));

    const names = new Set(samples.map(({ name }) => name));
    expect(names).toContain("nodejs_eventloop_lag_p99_seconds");
    expect(names).toContain("process_resident_memory_bytes");
    expect(names).toContain("process_open_fds");
    expect(sumOf(samples, "process_open_fds")).toBeGreaterThan(2);
    expect([...names].filter((name) => /heap_space|active_handles|gc_duration/.test(name))).toEqual([]);
    expect(sumOf(samples, "qwen_gateway_info", { version: "1.2.3" })).toBe(1);
  });
});
