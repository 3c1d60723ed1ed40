// What is counted, as rooms see it: use cases, once a reply and never once an event. How it is kept and printed is
// create-metrics.ts.

import type { ErrorKind } from "../contract/gateway-error.ts";
import type { ReplyOutcome } from "../contract/upstream.ts";

/** Every value comes from a list of ours: what a client writes, such as a model, would grow without bound. */
export interface ReplyLabels {
  readonly surface: string;
  /** The one that is asked first. */
  readonly upstream: string;
  readonly stream: boolean;
}

/** One reply as it was when it ended. Times are milliseconds. */
export interface ReplyFigures {
  /** The one that was asked last. */
  readonly upstream: string;
  readonly outcome: ReplyOutcome;
  /** The error that it ended by. */
  readonly kind: ErrorKind | undefined;
  /** Attempts at the upstream; all but the first are retries. */
  readonly attempts: number;
  /** Undefined when no word came. */
  readonly firstTokenMs: number | undefined;
  /** Spent in line before upstreams that were at their limits; 0 when it never had to wait. */
  readonly queuedMs: number;
  readonly totalMs: number;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  /** Written to the client, heartbeats included. */
  readonly sentBytes: number;
  readonly sentChunks: number;
  /** Read from the upstream, over all attempts. */
  readonly receivedBytes: number;
  readonly receivedChunks: number;
  /** Whether it went on in a chat that its upstream knows. Undefined where nobody keeps any. */
  readonly continues?: boolean | undefined;
  /** Messages that were left out or shortened. @defaultValue 0 */
  readonly trimmedMessages?: number;
}

export interface Metrics {
  replyStarted(labels: ReplyLabels): void;
  /** Called once for each `replyStarted`, with the same labels. */
  replyEnded(labels: ReplyLabels, figures: ReplyFigures): void;
  /** An upstream has accepted a request, so long after it was asked. */
  attemptOpened(upstream: string, headMs: number): void;
  /** @param end of an error its kind */
  attemptEnded(upstream: string, end: "complete" | "aborted" | ErrorKind): void;
  /** The head of an answer went out, whatever was asked. */
  answered(status: number): void;
  /** A request on a surface that never became a reply: malformed, over a limit, without a turn. */
  requestRefused(surface: string, kind: ErrorKind): void;
  /** A request that an upstream's line did not take: too many wait, it would wait for too long, or it did. */
  queueRefused(upstream: string, reason: "full" | "too-long" | "expired"): void;
  /** One method of the store, from its call until it settled. */
  storeTimed(operation: string, durationMs: number, hasFailed: boolean): void;
}

/** The name under which refusals are counted that came before any surface. */
export const noSurface = "none";

/** Counts nothing: the default of rooms that may be used alone. */
export const silentMetrics: Metrics = {
  replyStarted() {},
  replyEnded() {},
  attemptOpened() {},
  attemptEnded() {},
  answered() {},
  requestRefused() {},
  queueRefused() {},
  storeTimed() {},
};
