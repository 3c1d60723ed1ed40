// The library that prints metrics, loaded part by part when it is scraped: 0.3 ms and 0.4 MB, where its front door costs
// 3.5 ms and 12 MB, because it also loads node:http, node:https and node:cluster.

import type { Aggregator, Counter, Gauge, Registry } from "prom-client";
import { countDescriptors } from "./descriptors.ts";

export interface PromClient {
  readonly Registry: typeof Registry;
  readonly Counter: typeof Counter;
  readonly Gauge: typeof Gauge;
}

export async function loadPromClient(): Promise<PromClient> {
  const [registry, counter, gauge] = await Promise.all([
    import("prom-client/lib/registry.js"),
    import("prom-client/lib/counter.js"),
    import("prom-client/lib/gauge.js"),
  ]);
  return { Registry: registry.default, Counter: counter.default, Gauge: gauge.default };
}

/**
 * The library's own metrics of the process that are true under Bun, and how those of several workers are put together: the
 * others are always 0 here, or mislead. Of the event loop the worst worker's counts.
 */
const trueHere: Readonly<Record<string, Aggregator>> = {
  process_cpu_user_seconds_total: "sum",
  process_cpu_system_seconds_total: "sum",
  process_cpu_seconds_total: "sum",
  process_start_time_seconds: "min",
  process_resident_memory_bytes: "sum",
  process_open_fds: "sum",
  process_max_fds: "sum",
  nodejs_eventloop_lag_min_seconds: "min",
  nodejs_eventloop_lag_max_seconds: "max",
  nodejs_eventloop_lag_mean_seconds: "average",
  nodejs_eventloop_lag_stddev_seconds: "max",
  nodejs_eventloop_lag_p50_seconds: "max",
  nodejs_eventloop_lag_p90_seconds: "max",
  nodejs_eventloop_lag_p99_seconds: "max",
};

/** The event loop is looked at this often, from the first scrape on: nobody else pays for the wakeups. */
const eventLoopPrecisionMs = 20;

export async function addProcessMetrics(registry: Registry): Promise<void> {
  const { default: collectDefaultMetrics } = await import("prom-client/lib/defaultMetrics.js");
  const before = new Set(registry.getMetricsAsArray().map(({ name }) => name));
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: eventLoopPrecisionMs });
  for (const metric of registry.getMetricsAsArray()) {
    const { name } = metric;
    if (before.has(name)) continue;
    const aggregator = trueHere[name];
    if (aggregator === undefined) registry.removeSingleMetric(name);
    else Object.assign(metric, { aggregator }, name === "process_open_fds" ? { collect: collectDescriptors } : {});
  }
}

/** In place of the library's own, which lists them with each scrape. */
function collectDescriptors(this: Gauge): void {
  try {
    this.set(countDescriptors());
  } catch {
    // A table that cannot be looked at costs a figure, not the scrape.
  }
}
