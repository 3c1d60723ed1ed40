// The gauges: what is read from elsewhere when somebody asks, so that keeping it current costs nothing.

import type { Aggregator, Counter, Gauge, Registry } from "prom-client";
import type { AccountView } from "../contract/upstream.ts";
import type { Count, Gathered } from "./gathered.ts";
import type { PromClient } from "./prom-client.ts";
import type { SpanFigures } from "./tracing.ts";
import type { Reachability } from "./watch-upstream.ts";

export interface MetricSources {
  readonly version: string;
  accounts(): readonly { readonly upstream: string; readonly account: AccountView }[];
  /** Requests to upstreams in flight, and how many the runtime runs at a time; undefined where nothing bounds them. */
  upstreamRequests(): { readonly inFlight: number; readonly max: number } | undefined;
  /** Requests that stand in line, by upstream. */
  queues?(): readonly { readonly upstream: string; readonly waiting: number; readonly running: number }[];
  /** Whether each upstream answers, and whether it is passed over. */
  upstreams?(): readonly {
    readonly upstream: string;
    readonly state: Reachability["state"];
    readonly breaker: BreakerState;
  }[];
  /** Bytes of the database; undefined where it is in memory. */
  storeBytes?(): number | undefined;
  /** Replies that may run at a time; undefined where nothing bounds them. */
  maxReplies?(): number | undefined;
  /** Undefined as long as nothing was ever captured. */
  captures?(): CaptureFigures | undefined;
  /** Undefined where no traces are sent. */
  spans?(): SpanFigures | undefined;
  /** Of the history; undefined where none is kept. */
  history?(): HistoryFigures | undefined;
}

/** Counts since the start of the process. */
export interface HistoryFigures {
  /** Of the file, its log included, now and at most. */
  readonly fileBytes: number;
  readonly maxBytes: number;
  readonly written: number;
  readonly lost: Readonly<Record<string, number>>;
  readonly droppedContents: number;
  readonly droppedExchanges: number;
}

/** @see capture/spool.ts */
interface CaptureFigures {
  readonly written: number;
  readonly dropped: number;
  readonly failed: number;
  readonly bytes: number;
}

/** @see gateway/candidates/circuit.ts */
type BreakerState = "closed" | "open" | "half-open";

const upstreamStates: readonly Reachability["state"][] = ["unknown", "answering", "failing"];
const breakerStates: readonly BreakerState[] = ["closed", "open", "half-open"];
const accountStates: readonly AccountView["state"][] = [
  "ready",
  "cooling-down",
  "needs-sign-in",
  "challenged",
  "paused",
];

/**
 * Figures of several workers are added up where nothing else is said; `max`: each of them tells the same thing, or the worst
 * counts.
 * @param openReplies by surface, upstream and stream
 */
export function addGauges(
  prom: PromClient,
  registry: Registry,
  sources: MetricSources,
  openReplies: Gathered<Count>,
): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    const created: Gauge = new prom.Gauge({ name, help, registers, collect: () => created.set(read()) });
  };

  gauge("streaming_connections_active", "Streams that are open now", () => {
    let streams = 0;
    for (const { labels, row } of openReplies.rows()) if (labels["stream"] === "true") streams += row.value;
    return streams;
  });
  const open: Gauge = new prom.Gauge({
    name: openReplies.name,
    help: openReplies.help,
    labelNames: openReplies.labelNames,
    registers,
    collect() {
      for (const { labels, row } of openReplies.rows()) open.set(labels, row.value);
    },
  });
  if (sources.upstreamRequests() !== undefined) {
    const read = () => sources.upstreamRequests() ?? { inFlight: 0, max: 0 };
    gauge("qwen_gateway_upstream_requests", "Requests to upstreams in flight", () => read().inFlight);
    gauge("qwen_gateway_upstream_requests_max", "How many of them the runtime runs at a time", () => read().max);
  }
  addAccountGauges(prom, registry, sources);
  addOwnGauges(prom, registry, sources);
  addQueueGauges(prom, registry, sources);
  addUpstreamGauges(prom, registry, sources);
  if (sources.history?.() !== undefined) addHistoryFigures(prom, registry, sources.history);
  const info = {
    name: "qwen_gateway_info",
    help: "Always 1",
    labelNames: ["version"],
    registers,
    aggregator: "first",
  } as const;
  new prom.Gauge(info).set({ version: sources.version }, 1);
}

function addHistoryFigures(prom: PromClient, registry: Registry, read: () => HistoryFigures | undefined): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: (figures: HistoryFigures) => number): void => {
    const created: Gauge = new prom.Gauge({
      name,
      help,
      registers,
      aggregator: "max",
      collect() {
        const figures = read();
        if (figures !== undefined) created.set(value(figures));
      },
    });
  };
  const counter = (
    name: string,
    help: string,
    labelNames: readonly string[],
    values: (figures: HistoryFigures) => readonly (readonly [Record<string, string>, number])[],
  ): void => {
    const created: Counter = new prom.Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        const figures = read();
        created.reset();
        if (figures !== undefined) for (const [labels, value] of values(figures)) created.inc(labels, value);
      },
    });
  };
  gauge("qwen_gateway_history_bytes", "Size of the history on the disk, its log included", (one) => one.fileBytes);
  gauge("qwen_gateway_history_max_bytes", "Size that it never exceeds", (one) => one.maxBytes);
  counter("qwen_gateway_history_written_total", "Exchanges that were written to the history", [], (one) => [
    [{}, one.written],
  ]);
  counter("qwen_gateway_history_lost_total", "Exchanges that were to be kept and are not", ["reason"], (one) =>
    Object.entries(one.lost).map(([reason, count]) => [{ reason }, count] as const),
  );
  const dropped = "What made room for newer exchanges: the content of one, or all of it";
  counter("qwen_gateway_history_dropped_total", dropped, ["part"], (one) => [
    [{ part: "content" }, one.droppedContents],
    [{ part: "exchange" }, one.droppedExchanges],
  ]);
}

function addQueueGauges(prom: PromClient, registry: Registry, sources: MetricSources): void {
  const create = (name: string, help: string, read: "waiting" | "running"): void => {
    const gauge = new prom.Gauge({
      name,
      help,
      labelNames: ["upstream"],
      registers: [registry],
      collect() {
        for (const queue of sources.queues?.() ?? []) gauge.set({ upstream: queue.upstream }, queue[read]);
      },
    });
  };
  create("qwen_gateway_queue_depth", "Requests that wait for an upstream at its limit", "waiting");
  create("qwen_gateway_upstream_attempts", "Attempts that run at an upstream, the figure that is limited", "running");
}

function addUpstreamGauges(prom: PromClient, registry: Registry, sources: MetricSources): void {
  const create = (name: string, help: string, states: readonly string[], read: "state" | "breaker"): void => {
    const gauge = new prom.Gauge({
      name,
      help,
      labelNames: ["upstream", "state"],
      registers: [registry],
      aggregator: "max",
      collect() {
        // The web backend comes with its first account.
        gauge.reset();
        for (const one of sources.upstreams?.() ?? []) {
          for (const state of states) gauge.set({ upstream: one.upstream, state }, state === one[read] ? 1 : 0);
        }
      },
    });
  };
  const health = "1 for the state that an upstream is in, by the newest request or health check";
  create("qwen_gateway_upstream_state", health, upstreamStates, "state");
  const breaker = "1 for the state of its circuit breaker: open, it is passed over where another one can serve";
  create("qwen_gateway_breaker_state", breaker, breakerStates, "breaker");
}

function addAccountGauges(prom: PromClient, registry: Registry, sources: MetricSources): void {
  const states = new prom.Gauge({
    name: "qwen_gateway_account_state",
    help: "1 for the state that an account is in",
    labelNames: ["upstream", "account", "state"],
    registers: [registry],
    aggregator: "max",
    collect() {
      // Accounts come and go.
      states.reset();
      for (const { upstream, account } of sources.accounts()) {
        for (const state of accountStates) {
          states.set({ upstream, account: account.alias, state }, state === account.state ? 1 : 0);
        }
      }
    },
  });
  const open = new prom.Gauge({
    name: "qwen_gateway_account_open_replies",
    help: "Replies that an account serves now",
    labelNames: ["upstream", "account"],
    registers: [registry],
    collect() {
      open.reset();
      for (const { upstream, account } of sources.accounts()) {
        open.set({ upstream, account: account.alias }, account.openReplies);
      }
    },
  });
}

/** What the gateway needs for itself. What is switched off is not told. */
function addOwnGauges(prom: PromClient, registry: Registry, sources: MetricSources): void {
  const gauge = (name: string, help: string, aggregator: Aggregator, read: () => number | undefined): void => {
    const created: Gauge = new prom.Gauge({
      name,
      help,
      registers: [registry],
      aggregator,
      collect() {
        const value = read();
        if (value === undefined) created.remove();
        else created.set(value);
      },
    });
  };
  const counters = (name: string, help: string, read: () => Readonly<Record<string, number>>): void => {
    const created: Counter = new prom.Counter({
      name,
      help,
      labelNames: ["outcome"],
      registers: [registry],
      collect() {
        created.reset();
        for (const [outcome, value] of Object.entries(read())) created.inc({ outcome }, value);
      },
    });
  };
  gauge("qwen_gateway_store_bytes", "Size of the database and its log", "max", () => sources.storeBytes?.());
  gauge("qwen_gateway_open_replies_max", "Replies that may run at a time", "sum", () => sources.maxReplies?.());
  gauge("qwen_gateway_capture_bytes", "Size of all captures in their folder", "max", () => sources.captures?.()?.bytes);
  counters("qwen_gateway_captures_total", "Captured exchanges, by what came of them", () => {
    const captures = sources.captures?.();
    if (captures === undefined) return {};
    const { written, dropped, failed } = captures;
    return { written, dropped, failed };
  });
  counters("qwen_gateway_spans_total", "Spans of traces, by what came of them", () => ({ ...sources.spans?.() }));
}
