// What an exchange is made of: who asks whom for what, and within which bounds.

import type { ChatRequest } from "../contract/chat-request.ts";
import type { ReplyDisplay } from "../contract/answer-format.ts";
import type { ReplyIdentity } from "../contract/events.ts";
import type { GatewayError } from "../contract/gateway-error.ts";
import type { Surface } from "../contract/surface.ts";
import type { HistoryRecorder } from "../history/ended-exchange.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ReplyTrace } from "../telemetry/tracing.ts";
import type { Breaker } from "./candidates/breaker.ts";
import type { Liveness } from "./replies/liveness.ts";
import type { ContextTrimSettings } from "./context-trim.ts";
import type { Candidate } from "./candidates/model-routes.ts";
import type { Spending } from "./quotas/quotas.ts";
import type { OpenOutlet } from "./replies/reply-outlet.ts";
import type { Turn } from "./turns/turn.ts";
import type { UpstreamQueues } from "./queues/upstream-queues.ts";

export interface ExchangeOptions {
  readonly surface: Surface;
  /** Who may serve it, the first to be asked first. One at least. */
  readonly candidates: readonly Candidate[];
  readonly request: ChatRequest;
  /** How the client wants to see its reply. @defaultValue as its protocol has it */
  readonly display?: ReplyDisplay | undefined;
  readonly turn: Turn;
  readonly identity: ReplyIdentity;
  readonly caller: string;
  readonly requestId: string;
  readonly clientSignal: AbortSignal;
  readonly liveness: Liveness;
  /** Hears how candidates did. */
  readonly breaker?: Breaker;
  /** Where it waits when an upstream is at its limit. */
  readonly queues?: UpstreamQueues;
  /** How prompts that are too long are shortened. Undefined: they are refused. */
  readonly contextTrim?: ContextTrimSettings | undefined;
  readonly retry: { readonly maxAttempts: number; readonly baseDelayMs: number; readonly maxDelayMs: number };
  /** Wall clock of all attempts, chat creation and waits included. */
  readonly retryBudgetMs: number;
  /** How long the head is held for the first semantic event. */
  readonly holdHeadersMs: number;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** Its spans, where traces are sent. */
  readonly trace?: ReplyTrace | undefined;
  /** Told of it when it has ended. Undefined: nothing is ever kept. */
  readonly history?: HistoryRecorder | undefined;
  readonly debugStreaming: boolean;
  /** Told what the reply took, where that is counted. */
  readonly spending?: Spending | undefined;
  /** Takes what a streamed answer says in place of its body. */
  readonly outlet?: OpenOutlet | undefined;
  /** Nobody but a socket of the server reads the answer. @defaultValue false */
  readonly toSocket?: boolean | undefined;
  /** The client does not read what it was sent: its connection may be closed. */
  readonly onAbandoned?: (() => void) | undefined;
  /** Called once, when nothing of this exchange runs any more; with the error it ended by, if it did. */
  readonly onEnd: (error: GatewayError | undefined) => void;
}
