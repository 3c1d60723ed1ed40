// What the gateway tells about itself: figures for Prometheus, detailed health, one log line an exchange, and in none of
// them a word that was said or a credential.

import { expect, test } from "bun:test";
import type { ScriptEntry } from "../../src/emulator/qwen-web-emulator.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { parseMetrics, type Sample, sumOf } from "../support/read-metrics.ts";
import {
  answerTo,
  bodyOf,
  createTalk,
  lastTurn,
  readError,
  readStream,
  untilAnswer,
  untilIdle,
  user,
} from "./client.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };
const lane = { surface: "openai-chat", upstream: "qwen-web" };

async function scrape(harness: Harness): Promise<Sample[]> {
  return parseMetrics(await bodyOf(await harness.get("/metrics")));
}

/** Lines of finished exchanges, parsed. */
function exchangeLines(harness: Harness): Record<string, unknown>[] {
  return harness.logLines
    .filter((line) => /"message":"exchange[" ]/.test(line))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("each stream is one more in the histograms of first token and duration [R0-063, R2-086]", async () => {
  await using harness = await startHarness();
  for (const count of [1, 2, 3]) {
    await answerTo(harness, [user("Hello")]);
    await untilIdle(harness);

    const samples = await scrape(harness);

    expect(sumOf(samples, "qwen_gateway_requests_total", { ...lane, outcome: "complete", stream: "true" })).toBe(count);
    expect(sumOf(samples, "qwen_gateway_first_token_seconds_count", lane)).toBe(count);
    expect(sumOf(samples, "qwen_gateway_reply_duration_seconds_count", { ...lane, outcome: "complete" })).toBe(count);
  }
});

test("tokens, bytes and chunks rise by what was said and sent [R0-064]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { chunks: ["one ", "two ", "three"] } });
  const body = await bodyOf(await harness.chat({ ...hello, stream_options: { include_usage: true } }));
  await untilIdle(harness);

  const samples = await scrape(harness);

  const total = (what: string, direction: string) =>
    sumOf(samples, `qwen_gateway_${what}_total`, { ...lane, direction });
  const usage = (await readStream(new Response(body))).usage;
  expect(total("bytes", "sent")).toBe(body.length);
  expect(total("chunks", "sent")).toBeGreaterThanOrEqual(1);
  expect(total("bytes", "received")).toBeGreaterThan(100);
  expect(total("chunks", "received")).toBeGreaterThanOrEqual(1);
  expect(total("tokens", "input")).toBe(usage?.prompt_tokens ?? Number.NaN);
  expect(total("tokens", "output")).toBe(usage?.completion_tokens ?? Number.NaN);
});

test("a whole answer is counted with the bytes of its body", async () => {
  await using harness = await startHarness();
  const response = await harness.chat({ ...hello, stream: false });
  expect(response.headers.get("content-type")).toStartWith("application/json");
  const body = await bodyOf(response);
  await untilIdle(harness);

  const samples = await scrape(harness);

  expect(sumOf(samples, "qwen_gateway_requests_total", { ...lane, stream: "false" })).toBe(1);
  expect(sumOf(samples, "qwen_gateway_bytes_total", { direction: "sent" })).toBe(Buffer.byteLength(body));
});

test("streaming_connections_active rises with a stream and falls with a hang-up", async () => {
  await using harness = await startHarness({ environment: { TRANSPORT: "fetch" } });
  harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
  harness.emulator.release("held", 2);
  const live = readLive(await harness.chat(hello));
  await live.nextText();
  const during = await scrape(harness);
  await live.cancel();
  await untilIdle(harness);
  const after = await scrape(harness);

  expect(sumOf(during, "streaming_connections_active")).toBe(1);
  expect(sumOf(during, "qwen_gateway_upstream_requests")).toBe(1);
  expect(sumOf(after, "streaming_connections_active")).toBe(0);
  expect(sumOf(after, "qwen_gateway_requests_total", { ...lane, outcome: "aborted" })).toBe(1);
  await untilAnswer(
    () => scrape(harness),
    (samples) => sumOf(samples, "qwen_gateway_upstream_requests") === 0,
  );
});

test("retries, errors and refusals are counted by kind", async () => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "2" } });
  harness.emulator.script({ refuse: "internal-error" }, { reply: { text: "Hello" } }, { refuse: "rate-limited" });
  await answerTo(harness, [user("Hello")]);
  await readError(await harness.chat(hello));
  await readError(await harness.chat({ messages: "none" }));
  await readError(await harness.get("/v1/nothing"));

  const samples = await scrape(harness);

  expect(sumOf(samples, "qwen_gateway_retries_total", lane)).toBe(1);
  expect(sumOf(samples, "qwen_gateway_errors_total", { ...lane, kind: "upstream-quota" })).toBe(1);
  expect(sumOf(samples, "qwen_gateway_refusals_total", { surface: "openai-chat", kind: "invalid-request" })).toBe(1);
  expect(sumOf(samples, "qwen_gateway_refusals_total", { surface: "none", kind: "not-found" })).toBe(1);
});

test("store timings name the operations of a turn", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("Hello");
  await talk.say("And now?");
  await untilIdle(harness);

  const samples = await scrape(harness);

  const calls = ["openConversation", "beginTurn", "noteReply", "endTurn"].map((operation) =>
    sumOf(samples, "qwen_gateway_store_seconds_count", { operation }),
  );
  expect(calls).toEqual([1, 1, 1, 2]);
});

test("what clients write makes no label: twenty models and sessions are still one series", async () => {
  await using harness = await startHarness();
  await answerTo(harness, [user("Hello")]);
  const before = await scrape(harness);
  for (let index = 0; index < 20; index++) {
    // Most of these models do not exist: the refusal is counted too.
    await (await harness.chat({ ...hello, model: `qwen3-max-${index}` })).text();
    await answerTo(harness, [user(`Hello ${index}`)], { headers: { "x-session-id": `session-${index}` } });
  }

  const after = await scrape(harness);

  // The refusals are new: one reply that failed, one kind, and the histogram of its duration.
  expect(after.filter(({ name }) => name.endsWith("requests_total"))).toHaveLength(2);
  expect(after.length - before.length).toBeLessThan(25);
  expect(JSON.stringify(after)).not.toMatch(/qwen3-max|session-1/);
});

test("metrics and detailed health want the key, live and ready do not [R2-086]", async () => {
  await using harness = await startHarness({ environment: { API_KEY: "key-of-ann" } });

  const statuses: [string, number][] = [];
  for (const path of ["/metrics", "/health/detailed", "/health/live", "/health/ready", "/health"]) {
    statuses.push([path, (await harness.get(path)).status]);
  }
  const open = await fetch(`${harness.url}/metrics`, { headers: { "x-api-key": "key-of-ann" } });

  expect(statuses).toEqual([
    ["/metrics", 401],
    ["/health/detailed", 401],
    ["/health/live", 200],
    ["/health/ready", 200],
    ["/health", 200],
  ]);
  expect(open.status).toBe(200);
  expect(open.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
});

test("detailed health asks the upstream nothing and shows no secret [R2-086]", async () => {
  await using harness = await startHarness({
    environment: {
      TRANSPORT: "fetch",
      QWEN_COOKIES: "token=cookie-secret; other=abcdefgh",
      QWEN_HEADERS: '{"bx-ua":"captured-secret"}',
    },
  });
  await answerTo(harness, [user("Hello")]);
  await untilIdle(harness);
  const asked = harness.emulator.requests.length;

  const text = await bodyOf(await harness.get("/health/detailed"));

  expect(harness.emulator.requests.length).toBe(asked);
  expect(JSON.parse(text)).toMatchObject({
    status: "ok",
    reasons: [],
    version: expect.any(String),
    openReplies: 0,
    store: { bytes: expect.any(Number) },
    upstreams: [{ name: "qwen-web", state: "answering", lastFailure: null }],
    upstreamRequests: { inFlight: expect.any(Number), max: 256 },
    config: { PORT: 0, QWEN_TOKEN: "set", QWEN_COOKIES: "set", QWEN_HEADERS: "set", API_KEY: "not set" },
  });
  expect(text).not.toMatch(/test-token|cookie-secret|captured-secret/);
});

test("readiness is degraded, not gone, while the upstream fails, and well again with the next answer", async () => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
  harness.emulator.script({ refuse: "internal-error" });
  await readError(await harness.chat(hello));
  const failing = await harness.get("/health/ready");
  await answerTo(harness, [user("Hello again")]);
  const well = await harness.get("/health/ready");

  expect(failing.status).toBe(200);
  expect(await failing.json()).toEqual({ status: "degraded", reasons: ["upstream-failing"] });
  expect(await well.json()).toEqual({ status: "ok" });
});

test("one line tells all about an exchange: who, where, how fast, how much, how it ended", async () => {
  await using harness = await startHarness();
  const response = await harness.chat(hello);
  const requestId = response.headers.get("x-request-id");
  const sessionId = response.headers.get("x-session-id");
  const body = await bodyOf(response);
  await untilIdle(harness);

  expect(exchangeLines(harness)).toEqual([
    expect.objectContaining({
      level: "info",
      message: "exchange",
      requestId,
      surface: "openai-chat",
      upstream: "qwen-web",
      account: expect.stringMatching(/.+/),
      model: "qwen3-max",
      session: sessionId,
      outcome: "complete",
      attempts: 1,
      firstTokenMs: expect.any(Number),
      totalMs: expect.any(Number),
      inputTokens: expect.any(Number),
      outputTokens: expect.any(Number),
      bytes: body.length,
    }),
  ]);
});

/** Faults that end or disturb an exchange in all places where something is logged. */
const faults: readonly ScriptEntry[] = [
  { refuse: "rate-limited" },
  { refuse: "unauthorized" },
  { refuse: "token-expired" },
  { refuse: "waf-punish" },
  { refuse: "waf-html" },
  { refuse: "internal-error" },
  { refuse: "gateway-504" },
  { refuse: "reset" },
  { refuse: "bad-request" },
  { on: "chats/new", refuse: "internal-server-error" },
  { reply: { text: "secret answer", faults: [{ kind: "error", code: "quota_limit", details: "limit" }] } },
  { reply: { text: "secret answer", faults: [{ kind: "error-text", text: "upset", after: 2 }] } },
  { reply: { text: "secret answer of words", faults: [{ kind: "drop", after: 3 }] } },
  { reply: { text: "secret answer", faults: [{ kind: "end", after: 2 }] } },
  { reply: { text: "secret answer", faults: [{ kind: "malformed", line: 'data: {"secret answer": broken' }] } },
  { reply: { text: "secret answer", faults: [{ kind: "unknown-event" }] } },
  { reply: { text: "" } },
];

for (const LOG_FORMAT of ["json", "pretty"]) {
  test(`no log line in form ${LOG_FORMAT} holds what was said or a credential, whatever goes wrong [R1-028]`, async () => {
    await using harness = await startHarness({
      environment: {
        LOG_FORMAT,
        API_KEY: "gateway-key-of-ann",
        DEBUG_STREAMING: "true",
        RETRY_MAX_ATTEMPTS: "2",
        QWEN_TOKEN: "upstream-token-of-ann",
        QWEN_COOKIES: "token=cookie-of-ann-1; ssxmod=cookie-of-ann-2",
        QWEN_HEADERS: '{"bx-umidtoken":"captured-of-ann"}',
      },
    });
    for (const stream of [true, false]) {
      for (const fault of faults) {
        harness.emulator.script(fault);
        const headers = { authorization: "Bearer gateway-key-of-ann" };
        const response = await harness.chat({ ...hello, stream, messages: [user("secret question")] }, { headers });
        await response.text();
      }
      await (await harness.chat({ messages: [{ role: "secret role", content: "secret question" }] })).text();
      await (await harness.chat(hello, { headers: { authorization: "Bearer wrong-key-of-ann" } })).text();
    }

    const log = harness.logLines.join("\n");

    expect(harness.logLines.length).toBeGreaterThan(faults.length * 2);
    expect(log).not.toMatch(/secret (?:question|answer|role)/);
    expect(log).not.toMatch(/of-ann/);
  });
}

test("the last turn of a fault is told with the account that served it", async () => {
  await using harness = await startHarness();
  harness.emulator.script({
    reply: { text: "one two three", faults: [{ kind: "error-text", text: "upset", after: 2 }] },
  });
  await bodyOf(await harness.chat(hello));
  await untilIdle(harness);

  const line = exchangeLines(harness)[0];

  expect(lastTurn(harness).record.finished).toBe(false);
  expect(line).toMatchObject({ outcome: "failed", account: expect.stringMatching(/.+/), kind: expect.any(String) });
});

test("attempts, their heads, chats that go on and answers by status are told", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("Hello");
  await talk.say("And again");
  harness.emulator.script({ refuse: "rate-limited" });
  await readError(await harness.chat(hello));
  await untilIdle(harness);

  const samples = await scrape(harness);

  const web = { upstream: "qwen-web" };
  const turns = (how: string) => sumOf(samples, "qwen_gateway_turns_total", { ...web, how });
  const failed = samples.filter(
    ({ name, labels }) => name === "qwen_gateway_attempts_total" && labels["end"]?.startsWith("upstream-") === true,
  );
  expect([turns("fresh"), turns("continued")]).toEqual([2, 1]);
  expect(sumOf(samples, "qwen_gateway_attempts_total", { ...web, end: "complete" })).toBe(2);
  expect(failed.length).toBeGreaterThan(0);
  expect(sumOf(samples, "qwen_gateway_upstream_head_seconds_count", web)).toBe(2);
  expect(sumOf(samples, "qwen_gateway_http_responses_total", { status: "200" })).toBeGreaterThanOrEqual(2);
  expect(sumOf(samples, "qwen_gateway_store_bytes")).toBeGreaterThan(0);
});
