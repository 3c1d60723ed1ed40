// What a scrape tells of what was gathered: the same text as the library's own counters and histograms.

import { describe, expect, test } from "bun:test";
import { Counter, Histogram, Registry } from "prom-client";
import { Count, Distribution, Gathered } from "../../../src/telemetry/gathered.ts";
import { loadPromClient } from "../../../src/telemetry/prom-client.ts";
import { addCounter, addHistogram } from "../../../src/telemetry/told-metrics.ts";

const labelNames = ["surface", "upstream"];
const lanes = [
  ["openai-chat", "qwen-web"],
  ["openai-chat", 'a "quoted" name'],
] as const;

describe("addCounter", () => {
  test("addCounter tells sums as the library's own counter does, at each scrape anew", async () => {
    const gathered = new Gathered("told_total", "Told", labelNames, () => new Count());
    const registry = new Registry();
    const own = new Registry();
    const counter = new Counter({ name: "told_total", help: "Told", labelNames, registers: [own] });
    addCounter(await loadPromClient(), registry, gathered);

    for (const amount of [0, 3, 4]) {
      for (const [surface, upstream] of lanes) {
        gathered.at(surface, upstream).value += amount;
        counter.inc({ surface, upstream }, amount);
      }

      expect(await registry.metrics()).toBe(await own.metrics());
    }
  });
});

describe("addHistogram", () => {
  test("addHistogram tells buckets, sum and count as the library's own histogram does", async () => {
    const buckets = [0.1, 1, 10];
    const gathered = new Gathered("told_seconds", "Told", labelNames, () => new Distribution(buckets));
    const registry = new Registry();
    const own = new Registry();
    const histogram = new Histogram({ name: "told_seconds", help: "Told", labelNames, buckets, registers: [own] });
    addHistogram(registry, gathered);
    expect(await registry.metrics()).toBe(await own.metrics());

    for (const [index, value] of [0, 0.1, 0.1000001, 0.7, 10, 11].entries()) {
      const [surface, upstream] = lanes[index % lanes.length]!;
      gathered.at(surface, upstream).observe(value);
      histogram.observe({ surface, upstream }, value);
    }

    expect(await registry.metrics()).toBe(await own.metrics());
  });
});
