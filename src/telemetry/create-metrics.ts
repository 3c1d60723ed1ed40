// Metrics for Prometheus. Loads the library, and what looks at the process, with the first scrape.

import type { Registry } from "prom-client";
import { Count, Gathered } from "./gathered.ts";
import { addGauges, type MetricSources } from "./gauges.ts";
import type { MetricRow } from "./merge-metrics.ts";
import type { Metrics } from "./metrics.ts";
import { addProcessMetrics, loadPromClient } from "./prom-client.ts";
import { ReplyMetrics } from "./reply-metrics.ts";
import { addCounter, addHistogram } from "./told-metrics.ts";

export interface ScrapedMetrics extends Metrics {
  /** All metrics in the text format of Prometheus. */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** The same for whoever puts those of several processes together. */
  gather(): Promise<readonly MetricRow[]>;
}

export function createMetrics(sources: MetricSources): ScrapedMetrics {
  const open = new Gathered(
    "qwen_gateway_open_replies",
    "Replies that run now, streamed and whole",
    ["surface", "upstream", "stream"],
    () => new Count(),
  );
  const counted = new ReplyMetrics();
  let loading: Promise<Registry> | undefined;

  async function load(): Promise<Registry> {
    const prom = await loadPromClient();
    const registry = new prom.Registry();
    for (const counter of counted.counters) addCounter(prom, registry, counter);
    for (const histogram of counted.histograms) addHistogram(registry, histogram);
    addGauges(prom, registry, sources, open);
    await addProcessMetrics(registry);
    return registry;
  }

  return {
    replyStarted({ surface, upstream, stream }) {
      open.at(surface, upstream, String(stream)).value++;
    },
    replyEnded(labels, figures) {
      open.at(labels.surface, labels.upstream, String(labels.stream)).value--;
      counted.reply(labels, figures);
    },
    attemptOpened: (upstream, headMs) => counted.attemptOpened(upstream, headMs),
    attemptEnded: (upstream, end) => counted.attemptEnded(upstream, end),
    answered: (status) => counted.answered(status),
    requestRefused: (surface, kind) => counted.refusal(surface, kind),
    queueRefused: (upstream, reason) => counted.queueRefusal(upstream, reason),
    storeTimed: (operation, durationMs, hasFailed) => counted.store(operation, durationMs, hasFailed),
    async scrape() {
      loading ??= load();
      const registry = await loading;
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    async gather() {
      loading ??= load();
      return await (await loading).getMetricsAsJSON();
    },
  };
}
