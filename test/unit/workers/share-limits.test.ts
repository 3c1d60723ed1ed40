import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Config } from "../../../src/config/config-schema.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { shareLimits, smallestShared } from "../../../src/workers/share-limits.ts";

const load = (environment: Record<string, string>): Config =>
  loadConfig({ environment: { HOME: "/home/ann", ...environment }, flags: {} }).config;

test("shareLimits gives parts that make the whole together and differ by one at most", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 0, max: 10_000 }), (count, more) => {
      const limit = count + more;
      const config = load({ MAX_STREAMS: String(limit), QWEN_MAX_CONCURRENT: String(limit) });
      const parts = Array.from({ length: count }, (_, index) => shareLimits(config, { number: index + 1, count }));
      for (const key of ["maxStreams", "qwenMaxConcurrent"] as const) {
        const amounts = parts.map((part) => part[key] ?? 0);
        expect(amounts.reduce((sum, amount) => sum + amount, 0)).toBe(limit);
        expect(Math.max(...amounts) - Math.min(...amounts)).toBeLessThanOrEqual(1);
        expect(Math.min(...amounts)).toBeGreaterThanOrEqual(1);
      }
    }),
  );
});

test("shareLimits divides the limits of each upstream, and leaves alone what the store counts", () => {
  const upstreams = [{ name: "home", dialect: "ollama", base_url: "http://127.0.0.1:1/v1", max_concurrent: 5 }];
  const config = load({
    UPSTREAMS: JSON.stringify(upstreams),
    LIMIT_REQUESTS_PER_MINUTE: "60",
    MAX_STREAMS_PER_KEY: "4",
    SESSION_STREAMS: "2",
  });
  const [first, second] = [1, 2].map((number) => shareLimits(config, { number, count: 2 }));

  expect([first!.upstreams?.[0]?.max_concurrent, second!.upstreams?.[0]?.max_concurrent]).toEqual([3, 2]);
  expect(second).toMatchObject({ limitRequestsPerMinute: 60, maxStreamsPerKey: 4, sessionStreams: 2 });
  expect(second!.maxStreams).toBeUndefined();
  expect(config.upstreams?.[0]?.max_concurrent).toBe(5);
});

test("smallestShared names the limit as users know it", () => {
  const upstreams = [{ name: "home", base_url: "http://127.0.0.1:1/v1", requests_per_minute: 3 }];

  expect(smallestShared(load({}))).toBeUndefined();
  expect(smallestShared(load({ MAX_STREAMS: "9", QWEN_REQUESTS_PER_MINUTE: "7" }))).toEqual({
    name: "QWEN_REQUESTS_PER_MINUTE",
    limit: 7,
  });
  expect(smallestShared(load({ MAX_STREAMS: "9", UPSTREAMS: JSON.stringify(upstreams) }))).toEqual({
    name: 'requests_per_minute of the upstream "home"',
    limit: 3,
  });
});
