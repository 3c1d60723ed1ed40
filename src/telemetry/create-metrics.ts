// Metrics for Prometheus. Loads the library with the first thing that is counted, and what looks at the process with the
// first scrape.

import type { Registry } from "prom-client";
import { addGauges, type MetricSources, type OpenReplies } from "./gauges.ts";
import type { Metrics, ReplyLabels } from "./metrics.ts";
import { addProcessMetrics, loadPromClient } from "./prom-client.ts";
import { createReplyMetrics, type ReplyMetrics } from "./reply-metrics.ts";

export interface ScrapedMetrics extends Metrics {
  /** All metrics in the text format of Prometheus. */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
}

interface Loaded {
  readonly registry: Registry;
  readonly counted: ReplyMetrics;
}

export function createMetrics(sources: MetricSources): ScrapedMetrics {
  const open = new Map<string, OpenReplies>();
  let loading: Promise<Loaded> | undefined;
  let counted: ReplyMetrics | undefined;
  let processMetrics: Promise<void> | undefined;

  function load(): Promise<Loaded> {
    loading ??= loadPromClient().then((prom) => {
      const registry = new prom.Registry();
      counted = createReplyMetrics(prom, registry);
      addGauges(prom, registry, sources, () => open.values());
      return { registry, counted };
    });
    return loading;
  }

  /** At once, but for what happens while the library is being loaded. */
  function count(write: (to: ReplyMetrics) => void): void {
    if (counted !== undefined) write(counted);
    else void load().then((loaded) => write(loaded.counted));
  }

  return {
    replyStarted(labels) {
      const key = keyOf(labels);
      const known = open.get(key);
      if (known === undefined) open.set(key, { labels, count: 1 });
      else known.count++;
    },
    replyEnded(labels, figures) {
      const known = open.get(keyOf(labels));
      if (known !== undefined) known.count--;
      count((to) => to.reply(labels, figures));
    },
    requestRefused: (surface, kind) => count((to) => to.refusal(surface, kind)),
    queueRefused: (upstream, reason) => count((to) => to.queueRefusal(upstream, reason)),
    storeTimed: (operation, durationMs, hasFailed) => count((to) => to.store(operation, durationMs, hasFailed)),
    async scrape() {
      const { registry } = await load();
      processMetrics ??= addProcessMetrics(registry);
      await processMetrics;
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

function keyOf({ surface, upstream, stream }: ReplyLabels): string {
  return `${surface} ${upstream} ${stream}`;
}
