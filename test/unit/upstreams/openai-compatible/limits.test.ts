import { describe, expect, test } from "bun:test";
import { loadConfig } from "../../../../src/config/load-config.ts";
import { ConfigError } from "../../../../src/config/config-error.ts";
import { listConfiguredUpstreams } from "../../../../src/upstreams/openai-compatible/servers/configured-upstreams.ts";
import { UpstreamRefusal } from "../../../../src/upstreams/openai-compatible/refusals/refusal.ts";
import { limitsOfRefusal, readToldLimits } from "../../../../src/upstreams/openai-compatible/servers/told-limits.ts";

const hourMs = 3_600_000;
const nowMs = 1_790_000_000_000;

function limitsOf(environment: Record<string, string>) {
  const { config } = loadConfig({ environment, flags: {} });
  return listConfiguredUpstreams(config).map(({ limits }) => limits);
}

describe("the limits of configured upstreams", () => {
  test("nothing is limited that nobody has set", () => {
    expect(limitsOf({ UPSTREAM_BASE_URL: "http://127.0.0.1:1/v1", DASHSCOPE_API_KEY: "sk-one" })).toEqual([
      { requests: [], tokens: [], queueSize: 100, queueWaitMs: 30_000 },
      { requests: [], tokens: [], queueSize: 100, queueWaitMs: 30_000 },
    ]);
  });

  test("the environment sets those of a server of one's own, and of the line in front of it", () => {
    const environment = {
      UPSTREAM_BASE_URL: "http://127.0.0.1:1/v1",
      UPSTREAM_MAX_CONCURRENT: "4",
      UPSTREAM_REQUESTS_PER_MINUTE: "90",
      UPSTREAM_TOKENS_PER_MINUTE: "10000",
      QUEUE_SIZE: "7",
      QUEUE_WAIT_MS: "9000",
    };

    expect(limitsOf(environment)).toEqual([
      {
        maxConcurrent: 4,
        requests: [{ limit: 90, windowMs: 60_000 }],
        tokens: [{ limit: 10_000, windowMs: 60_000 }],
        queueSize: 7,
        queueWaitMs: 9000,
      },
    ]);
  });

  test("DashScope holds a minute's limit within each second too, at a sixtieth", () => {
    const [limits] = limitsOf({ DASHSCOPE_API_KEY: "sk-one", DASHSCOPE_REQUESTS_PER_MINUTE: "600" });

    expect(limits?.requests).toEqual([
      { limit: 600, windowMs: 60_000 },
      { limit: 10, windowMs: 1000 },
    ]);
  });

  test.each([
    [{}, 6000],
    [{ DASHSCOPE_TIER: "pro" }, 6000],
    [{ DASHSCOPE_TIER: "lite" }, 1200],
  ])("a coding plan has its own, %p", (tier, limit) => {
    const [limits] = limitsOf({ DASHSCOPE_API_KEY: "sk-sp-one", DASHSCOPE_PLAN: "coding", ...tier });

    expect(limits?.requests).toHaveLength(3);
    expect(limits?.requests[0]).toEqual({ limit, windowMs: 5 * hourMs });
  });

  test("a token plan counts credits, of which no request tells", () => {
    expect(limitsOf({ DASHSCOPE_API_KEY: "sk-sp-one", DASHSCOPE_PLAN: "token" })[0]?.requests).toEqual([]);
  });

  test("fields of the file go before the settings for all", () => {
    const upstream = {
      name: "home",
      dialect: "ollama",
      base_url: "http://127.0.0.1:11434/v1",
      max_concurrent: 2,
      ramp_per_second: 3,
      queue_size: 0,
      queue_wait_ms: 500,
    };

    expect(limitsOf({ UPSTREAMS: JSON.stringify([upstream]) })).toEqual([
      { maxConcurrent: 2, requests: [], tokens: [], rampPerSecond: 3, queueSize: 0, queueWaitMs: 500 },
    ]);
    const wrong = JSON.stringify([{ ...upstream, max_concurrent: 0 }]);
    expect(() => loadConfig({ environment: { UPSTREAMS: wrong }, flags: {} })).toThrow(ConfigError);
  });
});

describe("readToldLimits", () => {
  const read = (headers: Record<string, string>) => readToldLimits(new Headers(headers), nowMs);

  test("readToldLimits reads OpenAI's headers", () => {
    const headers = {
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "59",
      "x-ratelimit-reset-requests": "1s",
      "x-ratelimit-limit-tokens": "150000",
      "x-ratelimit-remaining-tokens": "149984",
      "x-ratelimit-reset-tokens": "6m0.5s",
    };

    expect(read(headers)).toEqual({
      requests: { limit: 60, remaining: 59, resetMs: 1000 },
      tokens: { limit: 150_000, remaining: 149_984, resetMs: 360_500 },
    });
  });

  test("readToldLimits reads the draft of the IETF, and points in time", () => {
    expect(read({ "ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "7", "ratelimit-reset": "30" })).toEqual({
      requests: { limit: 100, remaining: 7, resetMs: 30_000 },
    });
    const atSeconds = String(nowMs / 1000 + 20);
    expect(read({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": atSeconds })).toEqual({
      requests: { remaining: 0, resetMs: 20_000 },
    });
    expect(read({ "x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "120ms" }).tokens?.resetMs).toBe(
      120,
    );
  });

  test.each([
    ["no time", { "x-ratelimit-remaining-requests": "0" }],
    ["a day's quota", { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "86400" }],
    ["words", { "x-ratelimit-remaining-requests": "none", "x-ratelimit-reset-requests": "soon" }],
    [
      "ModelScope's day",
      { "modelscope-ratelimit-requests-limit": "2000", "modelscope-ratelimit-requests-remaining": "0" },
    ],
    ["nothing", {}],
  ])("readToldLimits takes %s for nothing", (_, headers) => {
    expect(read(headers as Record<string, string>)).toEqual({});
  });
});

describe("limitsOfRefusal", () => {
  const refusal = (reason: UpstreamRefusal["reason"], retryAfterMs?: number) =>
    new UpstreamRefusal(reason, "no", retryAfterMs === undefined ? {} : { retryAfterMs });

  test("limitsOfRefusal pauses and begins slowly after a refusal for a rate", () => {
    expect(limitsOfRefusal(refusal("burst"), 60_000)).toEqual({ tooSudden: true, pauseMs: 5000 });
    expect(limitsOfRefusal(refusal("rate", 9000), 60_000)).toEqual({ tooSudden: true, pauseMs: 9000 });
    expect(limitsOfRefusal(refusal("quota-transient"), 100)).toEqual({ tooSudden: true, pauseMs: 100 });
  });

  test("limitsOfRefusal pauses nobody where another key may serve", () => {
    expect(limitsOfRefusal(refusal("rate"), 0)).toEqual({ tooSudden: true, pauseMs: 0 });
  });

  test("limitsOfRefusal tells that too many run, and nothing of other refusals", () => {
    expect(limitsOfRefusal(refusal("concurrency"), 60_000)).toEqual({ tooMany: true });
    expect(limitsOfRefusal(refusal("auth"), 60_000)).toEqual({});
  });
});
