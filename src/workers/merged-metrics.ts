// The metrics of all workers as those of one gateway. What a worker counted before it died stays counted: else every sum
// would fall, and a reader would take that for a restart of everything.

import { type MetricRow, mergeMetrics } from "../telemetry/merge-metrics.ts";

export interface MergedMetrics {
  /** The newest figures of one worker. */
  note(worker: number, rows: readonly MetricRow[]): void;
  /** It ended: what it counted is kept, what it was is forgotten. */
  left(worker: number): Promise<void>;
  /** @param more figures that no worker has */
  scrape(more: readonly MetricRow[]): Promise<{ readonly contentType: string; readonly text: string }>;
}

const countedTypes: ReadonlySet<string> = new Set(["counter", "histogram"]);

export function createMergedMetrics(): MergedMetrics {
  const newest = new Map<number, readonly MetricRow[]>();
  /** Of workers that ended, all together. */
  let past: readonly MetricRow[] = [];
  let folding: Promise<void> = Promise.resolve();

  async function fold(rows: readonly MetricRow[]): Promise<void> {
    const counted = rows.filter(({ type }) => countedTypes.has(String(type)));
    past = await (await mergeMetrics([past, counted])).getMetricsAsJSON();
  }

  return {
    note: (worker, rows) => void newest.set(worker, rows),
    left(worker) {
      const rows = newest.get(worker);
      newest.delete(worker);
      if (rows !== undefined) folding = folding.then(() => fold(rows));
      return folding;
    },
    async scrape(more) {
      await folding;
      // Those that ended come last: help and meaning are told by those that run.
      const registry = await mergeMetrics([...newest.values(), past, more]);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
