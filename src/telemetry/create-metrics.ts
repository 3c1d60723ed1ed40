// Metrics for Prometheus. Loads the library, and what looks at the process, with the first scrape.

import type { Registry } from "prom-client";
import type { Clock } from "../contract/clock.ts";
import { madeOnce } from "../contract/made-once.ts";
import { Count, Gathered } from "./gathered.ts";
import { addGauges, type MetricSources } from "./gauges.ts";
import type { MetricRow } from "./merge-metrics.ts";
import { type Metrics, noSurface } from "./metrics.ts";
import { addProcessMetrics, loadPromClient } from "./prom-client.ts";
import { ReplyMetrics } from "./reply-metrics.ts";
import { type Sample, Samples } from "./samples.ts";
import { addCounter, addHistogram } from "./told-metrics.ts";

export interface ScrapedMetrics extends Metrics {
  /** All metrics in the text format of Prometheus. */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** The same for whoever puts those of several processes together. */
  gather(): Promise<readonly MetricRow[]>;
  /** What happened in the last hour; see `Samples.list`. */
  samples(sinceMs?: number): readonly Sample[];
}

export function createMetrics(sources: MetricSources, clock: Clock = Date.now): ScrapedMetrics {
  const open = new Gathered(
    "qwen_gateway_open_replies",
    "Replies that run now, streamed and whole",
    ["surface", "upstream", "stream"],
    () => new Count(),
  );
  const counted = new ReplyMetrics();
  const samples = new Samples(clock);
  const registry = madeOnce(async (): Promise<Registry> => {
    const prom = await loadPromClient();
    const made = new prom.Registry();
    for (const counter of counted.counters) addCounter(prom, made, counter);
    for (const histogram of counted.histograms) addHistogram(made, histogram);
    addGauges(prom, made, sources, open);
    await addProcessMetrics(made);
    return made;
  });

  return {
    replyStarted({ surface, upstream, stream }) {
      open.at(surface, upstream, String(stream)).value++;
      samples.replyStarted();
    },
    replyEnded(labels, figures) {
      open.at(labels.surface, labels.upstream, String(labels.stream)).value--;
      counted.reply(labels, figures);
      samples.replyEnded(figures);
    },
    attemptOpened: (upstream, headMs) => counted.attemptOpened(upstream, headMs),
    attemptEnded: (upstream, end) => counted.attemptEnded(upstream, end),
    answered: (status) => counted.answered(status),
    requestRefused(surface, kind) {
      counted.refusal(surface, kind);
      // What was asked beside the surfaces, such as an icon that is not there, is nothing that a client misses.
      if (surface !== noSurface) samples.requestRefused(kind);
    },
    queueRefused: (upstream, reason) => counted.queueRefusal(upstream, reason),
    storeTimed: (operation, durationMs, hasFailed) => counted.store(operation, durationMs, hasFailed),
    async scrape() {
      const made = await registry.get();
      return { contentType: made.contentType, text: await made.metrics() };
    },
    gather: async () => await (await registry.get()).getMetricsAsJSON(),
    samples: (sinceMs) => samples.list(sinceMs),
  };
}
