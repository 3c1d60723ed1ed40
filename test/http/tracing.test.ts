// Traces as a collector receives them, and the time that every answer tells of itself.

import { describe, expect, test } from "bun:test";
import { type Play, serveCompatible } from "../support/fake-compatible-server.ts";
import { type CollectedSpan, serveCollector } from "../support/fake-collector.ts";
import { eventually } from "../support/binary.ts";
import { startHarness } from "../support/harness.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import { failing, modelsRoute, saying } from "../support/several-upstreams.ts";
import { bodyOf, user } from "./client.ts";
import { postMessage } from "./typed-client.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Say: a secret word")] };
const local = { model: "local", stream: true, messages: [user("Hello")] };
const parent = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
const server = 2;
const client = 3;

async function startTraced(plays: readonly Play[], environment: Readonly<Record<string, string>> = {}) {
  const collector = serveCollector();
  const own = serveCompatible(plays, modelsRoute("local"));
  const upstreams = JSON.stringify([{ name: "one", dialect: "vllm", base_url: own.url }]);
  const harness = await startHarness({
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, UPSTREAMS: upstreams, ...environment },
  });
  return {
    harness,
    collector,
    /** Ends the gateway that ran, which sends what it has. */
    async spans(): Promise<readonly CollectedSpan[]> {
      await harness.restart();
      return collector.spans;
    },
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await own[Symbol.asyncDispose]();
      await collector[Symbol.asyncDispose]();
    },
  };
}

describe("a trace", () => {
  test("has a span of the request and one of its attempt, by the conventions for GenAI", async () => {
    await using stage = await startTraced([saying("Good day")], { OTEL_SERVICE_NAME: "front" });
    const response = await stage.harness.chat(local);
    await bodyOf(response);

    const spans = await stage.spans();

    const request = spans.find(({ kind }) => kind === server)!;
    const attempt = spans.find(({ kind }) => kind === client)!;
    expect(spans).toHaveLength(2);
    expect(request).toMatchObject({ name: "POST /v1/chat/completions", parentSpanId: "", status: 0 });
    expect(request.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.response.status_code": 200,
      "qwen_gateway.request_id": response.headers.get("x-request-id"),
      "qwen_gateway.outcome": "complete",
      "qwen_gateway.attempts": 1,
    });
    expect(attempt).toMatchObject({ name: "chat local", traceId: request.traceId, parentSpanId: request.spanId });
    expect(attempt.events).toEqual(["accepted", "first_token"]);
    expect(attempt.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "one",
      "gen_ai.request.model": "local",
      "gen_ai.usage.input_tokens": 5,
      "gen_ai.usage.output_tokens": 2,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.response.time_to_first_chunk": expect.any(Number),
    });
    expect(request.durationMs).toBeGreaterThanOrEqual(attempt.durationMs);
    expect(stage.collector.resource).toMatchObject({ "service.name": "front" });
  });

  test("goes on where the client's began, and keeps to its choice", async () => {
    await using stage = await startTraced([saying("Good day")], { OTEL_SAMPLE_PERCENT: "0" });
    await bodyOf(await stage.harness.chat(local, { headers: parent }));
    await bodyOf(
      await stage.harness.chat(local, { headers: { traceparent: parent.traceparent.replace(/01$/, "00") } }),
    );
    await bodyOf(await stage.harness.chat(local));
    await bodyOf(await stage.harness.chat(local, { headers: { traceparent: "00-nonsense" } }));

    const spans = await stage.spans();

    expect(spans).toHaveLength(2);
    expect(spans.every(({ traceId }) => traceId === "0af7651916cd43dd8448eb211c80319c")).toBe(true);
    expect(spans.find(({ kind }) => kind === server)?.parentSpanId).toBe("b7ad6b7169203331");
  });

  test("names the conversation, where an upstream keeps it", async () => {
    await using stage = await startTraced([]);
    await bodyOf(await stage.harness.chat(hello, { headers: { "x-session-id": "talk" } }));

    const attempt = (await stage.spans()).find(({ kind }) => kind === client);

    expect(attempt?.attributes["gen_ai.conversation.id"]).toBe("talk");
  });

  test("shows each attempt, and what it failed by", async () => {
    await using stage = await startTraced([failing, saying("Good day")], { RETRY_MAX_ATTEMPTS: "2" });
    await bodyOf(await stage.harness.chat(local));

    const attempts = (await stage.spans()).filter(({ kind }) => kind === client);

    expect(attempts.map(({ status }) => status)).toEqual([2, 0]);
    expect(attempts[0]?.attributes).toMatchObject({ "error.type": "upstream-failed" });
  });

  test("of a refusal ends with its head, as an error", async () => {
    await using stage = await startTraced([failing], { RETRY_MAX_ATTEMPTS: "1" });
    expect((await stage.harness.chat(local)).status).toBe(502);

    const request = (await stage.spans()).find(({ kind }) => kind === server);

    expect(request?.status).toBe(2);
    expect(request?.attributes).toMatchObject({ "http.response.status_code": 502, "error.type": "upstream-failed" });
  });

  test("holds no word of what was said, no key, and nothing of the gateway's own routes", async () => {
    await using stage = await startTraced([], { API_KEY: "key-of-the-gateway-0" });
    const headers = { authorization: "Bearer key-of-the-gateway-0" };
    await bodyOf(await stage.harness.chat(hello, { headers }));
    await stage.harness.get("/health");
    await stage.harness.get("/metrics");

    expect(await stage.spans()).toHaveLength(2);
    const sent = stage.collector.bodies.join("\n");
    for (const word of ["secret word", "key-of-the-gateway-0", "test-token", "/health"])
      expect(sent).not.toContain(word);
  });

  test("of a typed chat holds the attempts of its steps", async () => {
    await using stage = await startTraced([], { CHAT_STEPS: "generation,follow_ups" });
    await (await postMessage(stage.harness, { message: "Hello" })).text();

    const spans = await stage.spans();

    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(spans.filter(({ kind }) => kind === client).length).toBeGreaterThan(0);
  });
});

describe("a collector", () => {
  test("that is not there harms nothing: one warning, answers as ever, and a stop in time", async () => {
    const gone = serveCollector();
    await gone[Symbol.asyncDispose]();
    await using harness = await startHarness({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: gone.url } });
    for (let turn = 0; turn < 5; turn++) expect(await bodyOf(await harness.chat(hello))).toContain("[DONE]");
    const since = performance.now();

    await harness.restart({ OTEL_EXPORTER_OTLP_ENDPOINT: "" });

    expect(performance.now() - since).toBeLessThan(6000);
    expect(await bodyOf(await harness.chat(hello))).toContain("[DONE]");
  });

  test("that takes what it is sent and never answers harms nothing either", async () => {
    const hanging = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: () => new Promise(() => {}) });
    await using harness = await startHarness({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: hanging.url.origin } });
    for (let turn = 0; turn < 5; turn++) expect(await bodyOf(await harness.chat(hello))).toContain("[DONE]");
    const since = performance.now();

    await harness.restart({ OTEL_EXPORTER_OTLP_ENDPOINT: "" });

    expect(performance.now() - since).toBeLessThan(6000);
    await hanging.stop(true);
  });

  test("gets the headers of the settings", async () => {
    await using collector = serveCollector();
    await using harness = await startHarness({
      environment: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
        OTEL_EXPORTER_OTLP_HEADERS: "x-team=blue%20one,authorization=Basic abc",
      },
    });
    await bodyOf(await harness.chat(hello));
    await harness.restart();

    expect(collector.headers[0]?.get("x-team")).toBe("blue one");
    expect(collector.headers[0]?.get("authorization")).toBe("Basic abc");
  });
});

describe("Server-Timing", () => {
  const names = (response: Response): string[] =>
    (response.headers.get("server-timing") ?? "").split(", ").map((metric) => metric.split(";")[0] ?? "");

  test("stands on every answer, errors among them", async () => {
    await using harness = await startHarness({ environment: { API_KEY: "key-of-the-gateway-0" } });

    for (const path of ["/health", "/v1/models", "/nowhere"]) expect(names(await harness.get(path))).toEqual(["total"]);
  });

  test.each([true, false])("tells what is known when the head of a chat goes out (stream: %p)", async (stream) => {
    await using harness = await startHarness();

    const response = await harness.chat({ ...hello, stream });
    await bodyOf(response);

    expect(names(response)).toEqual(["turn", "upstream", "first-token", "total"]);
    const { upstream, "first-token": first } = Object.fromEntries(
      (response.headers.get("server-timing") ?? "").split(", ").map((metric) => {
        const [name, ms] = metric.split(";dur=");
        return [name, Number(ms)];
      }),
    );
    expect(upstream).toBeGreaterThan(0);
    expect(first).toBeGreaterThanOrEqual(upstream!);
  });

  test("stands on the answer of an exchange that failed", async () => {
    await using server = serveCompatible([failing], modelsRoute("local"));
    const upstreams = JSON.stringify([{ name: "one", dialect: "vllm", base_url: server.url }]);
    await using harness = await startHarness({ environment: { UPSTREAMS: upstreams, RETRY_MAX_ATTEMPTS: "1" } });

    const response = await harness.chat(local);

    expect(response.status).toBe(502);
    expect(names(response)).toEqual(["turn", "total"]);
  });

  test("tells the wait in line", async () => {
    await using harness = await startHarness({ environment: { QWEN_MAX_CONCURRENT: "1" } });
    harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
    harness.emulator.release("held", 1);
    const first = harness.chat(hello);
    await harness.emulator.until((requests) => requests.some(({ on }) => on === "completions"));
    const second = harness.chat({ ...hello, messages: [user("Say: other")] });
    await eventually(
      async () =>
        sumOf(parseMetrics(await (await harness.get("/metrics")).text()), "qwen_gateway_queue_depth") === 1
          ? true
          : undefined,
      () => "one request in line",
    );
    harness.emulator.release("held", "all");
    await bodyOf(await first);

    const response = await second;
    await bodyOf(response);

    expect(names(response)).toContain("queue");
  });
});
