// The parts of prom-client that are loaded one by one: its front door also loads node:http, node:https and node:cluster
// for push gateways and clusters, 12 MB that nobody here asked for (docs/observability.md).

declare module "prom-client/lib/registry.js" {
  const Registry: typeof import("prom-client").Registry;
  export = Registry;
}
declare module "prom-client/lib/counter.js" {
  const Counter: typeof import("prom-client").Counter;
  export = Counter;
}
declare module "prom-client/lib/gauge.js" {
  const Gauge: typeof import("prom-client").Gauge;
  export = Gauge;
}
declare module "prom-client/lib/defaultMetrics.js" {
  const collectDefaultMetrics: typeof import("prom-client").collectDefaultMetrics;
  export = collectDefaultMetrics;
}
declare module "prom-client/lib/cluster.js" {
  const AggregatorRegistry: typeof import("prom-client").AggregatorRegistry;
  export = AggregatorRegistry;
}
