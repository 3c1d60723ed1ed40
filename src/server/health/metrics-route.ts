// GET /metrics: the figures as Prometheus reads them.

import type { ScrapedMetrics } from "../../telemetry/create-metrics.ts";
import type { ServerRoute } from "../trip.ts";

/** @param metrics of this process, or of all workers */
export function metricsRoute(metrics: Pick<ScrapedMetrics, "scrape">): ServerRoute {
  return {
    method: "GET",
    path: "/metrics",
    answer: async () => {
      const { contentType, text } = await metrics.scrape();
      return new Response(text, { headers: { "content-type": contentType } });
    },
  };
}
