// The lines in front of all upstreams, one timer for all who wait in them, and which candidate is asked without waiting.

import type { UpstreamLimits } from "../../contract/limits.ts";
import type { Upstream } from "../../contract/upstream.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Candidate } from "../candidates/model-routes.ts";
import { UpstreamQueue } from "./upstream-queue.ts";

export interface QueueView {
  readonly upstream: string;
  /** Requests that wait. */
  readonly waiting: number;
  /** Attempts that run. */
  readonly running: number;
}

export interface UpstreamQueues {
  of(upstream: Upstream): UpstreamQueue;
  /**
   * These are asked from now on, perhaps with other limits: whoever waits or runs stays. Lines of others go when nobody is in
   * them.
   */
  adopt(upstreams: readonly Upstream[]): void;
  views(): readonly QueueView[];
  stop(): void;
}

export interface UpstreamQueuesOptions {
  /** Milliseconds that only rise. */
  readonly clock: () => number;
  readonly metrics: Pick<Metrics, "queueRefused">;
}

/** Nothing is limited until a server says so. */
const unlimited: UpstreamLimits = { requests: [], tokens: [], queueSize: 100, queueWaitMs: 30_000 };
/** Rates let somebody in, and waits are over, this much later at most. Whoever leaves lets the next one in at once. */
const sweepMs = 50;

export function createUpstreamQueues({ clock, metrics }: UpstreamQueuesOptions): UpstreamQueues {
  const queues = new Map<string, UpstreamQueue>();
  let timer: ReturnType<typeof setInterval> | undefined;

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  function sweep(): void {
    let waiting = 0;
    for (const queue of queues.values()) {
      queue.sweep();
      waiting += queue.waiting;
    }
    if (waiting === 0) stop();
  }

  return {
    of({ name, limits = unlimited }) {
      let queue = queues.get(name);
      if (queue === undefined) {
        queue = new UpstreamQueue({
          name,
          limits,
          clock,
          onWaiting() {
            timer ??= setInterval(sweep, sweepMs);
          },
          onRefused: (reason) => metrics.queueRefused(name, reason),
        });
        queues.set(name, queue);
      }
      return queue;
    },
    adopt(upstreams) {
      for (const { name, limits = unlimited } of upstreams) queues.get(name)?.adopt(limits);
      const names = new Set(upstreams.map(({ name }) => name));
      for (const [name, { waiting, running }] of queues) {
        if (!names.has(name) && waiting === 0 && running === 0) queues.delete(name);
      }
    },
    views: () => [...queues].map(([upstream, { waiting, running }]) => ({ upstream, waiting, running })),
    stop,
  };
}

/** The model by which a candidate's limits are known. */
export function modelOf({ model }: Candidate): string {
  return model ?? "";
}
