// Traces as rooms see them: use cases, a few a reply and never one an event. What they become is otel-tracing.ts, which is
// loaded only where traces are sent.

import type { ErrorKind } from "../contract/gateway-error.ts";
import type { ReplyOutcome } from "../contract/upstream.ts";

export interface Tracing {
  /** A request has come in. */
  begin(trip: TracedTrip): void;
  /** The head of its answer goes out. What still runs under it keeps it open. */
  answered(requestId: string, status: number): void;
  /** A reply to it begins. Undefined: nobody knows the request. */
  reply(requestId: string, reply: TracedReply): ReplyTrace | undefined;
  readonly figures: Readonly<SpanFigures>;
  /** Sends what is not sent yet, within a bound. */
  close(): Promise<void>;
}

export interface TracedTrip {
  readonly requestId: string;
  readonly path: string;
  readonly request: { readonly method: string; readonly headers: { get(name: string): string | null } };
}

export interface TracedReply {
  /** In the words of the conventions for GenAI, such as "chat". */
  readonly operation: string;
  readonly surface: string;
  /** As the client named it. */
  readonly model: string | undefined;
  readonly stream: boolean;
}

export interface ReplyTrace {
  /** An upstream is asked. @param session of the conversation, where anybody keeps it */
  attemptBegins(upstream: string, model: string | undefined, session?: string | undefined): void;
  /** It has accepted the request. */
  attemptOpened(account: string, model: string): void;
  firstToken(): void;
  attemptEnds(end: TracedAttempt): void;
  /** Nothing of the reply runs any more. */
  ended(outcome: ReplyOutcome, kind: ErrorKind | undefined, attempts: number): void;
}

export interface TracedAttempt {
  readonly outcome: ReplyOutcome;
  readonly kind: ErrorKind | undefined;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly finishReason?: string | undefined;
}

export interface SpanFigures {
  ended: number;
  sent: number;
  /** Those of batches that the collector did not take. */
  failed: number;
}
