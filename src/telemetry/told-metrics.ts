// What was gathered, as metrics of the library: read when it is scraped.

import type { Counter, Histogram, Registry } from "prom-client";
import type { Count, Distribution, Gathered } from "./gathered.ts";
import type { PromClient } from "./prom-client.ts";

export function addCounter(prom: PromClient, registry: Registry, gathered: Gathered<Count>): void {
  const { name, help, labelNames } = gathered;
  const counter: Counter = new prom.Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      counter.reset();
      for (const { labels, row } of gathered.rows()) counter.inc(labels, row.value);
    },
  });
}

/** What a registry asks of a metric. */
interface ToldMetric {
  readonly name: string;
  get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: "histogram";
    readonly values: readonly ToldValue[];
    /** How those of several processes are put together. */
    readonly aggregator: "sum";
  }>;
  reset(): void;
}

interface ToldValue {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export function addHistogram(registry: Registry, gathered: Gathered<Distribution>): void {
  const { name, help } = gathered;
  const metric: ToldMetric = {
    name,
    get: async () => ({
      name,
      help,
      type: "histogram",
      values: [...gathered.rows()].flatMap(valuesOf),
      aggregator: "sum",
    }),
    // It holds nothing itself.
    reset() {},
  };
  function valuesOf({ labels, row }: { labels: Readonly<Record<string, string>>; row: Distribution }): ToldValue[] {
    let count = 0;
    const buckets = row.bounds.map((bound, index) => {
      count += row.counts[index]!;
      return { metricName: `${name}_bucket`, labels: { le: bound, ...labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: "+Inf", ...labels }, value: row.count },
      { metricName: `${name}_sum`, labels, value: row.sum },
      { metricName: `${name}_count`, labels, value: row.count },
    ];
  }
  // The library's own histogram takes single values only, and its types name its own classes where its registry takes
  // whatever can be asked.
  registry.registerMetric(metric as unknown as Histogram);
}
