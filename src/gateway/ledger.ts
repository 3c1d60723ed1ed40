// What is counted and ordered for all gateways of one process: of those that settings followed one another on, the older
// ones still end their replies, and an upstream's limits do not double meanwhile.

import type { Metrics } from "../telemetry/metrics.ts";
import { createLeavingTurns, type LeavingNote, type LeavingTurns } from "./turns/leaving-turns.ts";
import { createPauses, type Pauses } from "./candidates/pauses.ts";
import { createSessionQueue, type SessionQueue } from "./turns/session-queue.ts";
import { type CommonLine, createSharedSessionQueue } from "./turns/shared-session-queue.ts";
import { createUpstreamQueues, type UpstreamQueues } from "./queues/upstream-queues.ts";

/** Replies that run. Those of one caller are the business of quotas/. */
export interface OpenCounts {
  open: number;
}

export interface GatewayLedger {
  /** Turns of one session, in the order in which they came. */
  readonly sessions: SessionQueue;
  readonly leaving: LeavingTurns;
  readonly counts: OpenCounts;
  readonly queues: UpstreamQueues;
  /** Upstreams that get no new requests for now. */
  readonly pauses: Pauses;
}

/** Of several workers. */
export interface OtherWorkers {
  /** See `createLeavingTurns`. */
  tellLeaving(note: LeavingNote): void;
  readonly line: CommonLine;
}

/** @param others undefined: this process serves alone */
export function createGatewayLedger(metrics: Pick<Metrics, "queueRefused">, others?: OtherWorkers): GatewayLedger {
  const sessions = createSessionQueue();
  return {
    sessions: others === undefined ? sessions : createSharedSessionQueue(sessions, others.line),
    leaving: createLeavingTurns(others && ((note) => others.tellLeaving(note))),
    counts: createOpenCounts(),
    queues: createUpstreamQueues({ clock: () => performance.now(), metrics }),
    pauses: createPauses(),
  };
}

export function createOpenCounts(): OpenCounts {
  return { open: 0 };
}
