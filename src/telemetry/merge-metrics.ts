// Figures of several processes as one registry: each metric by what it means, which its own definition says. Loads the
// library when somebody asks.

import type { MetricObjectWithValues, MetricValue, Registry } from "prom-client";

/** One metric as the library gives it: `registry.getMetricsAsJSON()`. */
export type MetricRow = MetricObjectWithValues<MetricValue<string>>;

export async function mergeMetrics(processes: readonly (readonly MetricRow[])[]): Promise<Registry> {
  // Only its static part is used: the rest of it would load node:cluster.
  const { default: AggregatorRegistry } = await import("prom-client/lib/cluster.js");
  return AggregatorRegistry.aggregate(processes.map((rows) => [...rows]));
}
