// One forwarded exchange after its candidates are known: attempts until one is answered, then the answer as it comes.

import type { TokenUsage } from "../../contract/events.ts";
import type { ForwardBody, ForwardContext, ForwardedAnswer, ForwardEndpoint } from "../../contract/forward.ts";
import { GatewayError, httpStatus, toGatewayError } from "../../contract/gateway-error.ts";
import { withRetry } from "../../outbound/retry.ts";
import { eventStreamHeaders } from "../../sse/event-stream-headers.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics, ReplyLabels } from "../../telemetry/metrics.ts";
import type { ReplyTrace } from "../../telemetry/tracing.ts";
import type { Breaker } from "../candidates/breaker.ts";
import { createRound, isWorthMoving, moreHopeful } from "../candidates/failover.ts";
import type { Liveness } from "../replies/liveness.ts";
import type { Candidate } from "../candidates/model-routes.ts";
import type { Spending } from "../quotas/quotas.ts";
import { refusalReason } from "../records/refusal-reason.ts";
import { RetryBudget } from "../replies/retry-budget.ts";
import type { RunningView } from "../replies/running-view.ts";
import type { UpstreamQueues } from "../queues/upstream-queues.ts";
import type { ForwardClock } from "./forward-clock.ts";
import { ForwardPlace } from "./forward-place.ts";
import { notServed } from "./not-served.ts";
import { ForwardRelay } from "./relay.ts";
import { ToldUsage } from "./told-usage.ts";

export interface ForwardedExchangeOptions {
  readonly endpoint: ForwardEndpoint;
  /** One at least. */
  readonly candidates: readonly Candidate[];
  readonly contentType: string;
  readonly accept: string;
  bodyWith(model: string | undefined): ForwardBody;
  /** False as soon as a part of the body is gone. */
  canRepeat(): boolean;
  /** What went wrong with the client's side of the body. */
  bodyFailure(): GatewayError | undefined;
  readonly clock: ForwardClock;
  readonly caller: string;
  readonly requestId: string;
  readonly breaker: Breaker;
  readonly queues: UpstreamQueues;
  /** Of the body, as far as it is text. */
  readonly textBytes: number;
  readonly liveness: Liveness;
  readonly retry: { readonly maxAttempts: number; readonly baseDelayMs: number; readonly maxDelayMs: number };
  readonly retryBudgetMs: number;
  /** Told what the answer took, where that is counted. */
  readonly spending?: Spending | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Its spans, where traces are sent. */
  readonly trace?: ReplyTrace | undefined;
  onAbandoned(): void;
  /** Called once, when nothing of it runs any more. */
  onEnd(): void;
}

type Outcome = "complete" | "failed" | "aborted";

export class ForwardedExchange {
  readonly #options: ForwardedExchangeOptions;
  readonly #budget: RetryBudget;
  readonly #startedAtMs: number;
  readonly #labels: ReplyLabels;
  readonly #usage = new ToldUsage();
  readonly #place: ForwardPlace;
  #served: Candidate;
  #answer: ForwardedAnswer | undefined;
  #relay: ForwardRelay | undefined;
  #firstByteMs: number | undefined;
  #sentBytes = 0;
  #sentChunks = 0;
  #isOver = false;
  /** From outside: that says nothing about who was asked. */
  #isEnded = false;

  constructor(options: ForwardedExchangeOptions) {
    const { endpoint, candidates, liveness, retry, retryBudgetMs, metrics } = options;
    this.#options = options;
    this.#budget = new RetryBudget(retry, retryBudgetMs);
    this.#place = new ForwardPlace(options);
    this.#startedAtMs = liveness.now();
    this.#served = candidates[0]!;
    this.#labels = { surface: endpoint, upstream: this.#served.upstream.name, stream: false };
    metrics.replyStarted(this.#labels);
  }

  /** @throws {GatewayError} when no candidate answered */
  async respond(): Promise<Response> {
    const { clock, retry } = this.#options;
    try {
      const answer = await withRetry(() => this.#tryCandidates(), {
        ...retry,
        deadlineMs: this.#budget.deadlineMs,
        signal: clock.signal,
        isRetryable: (error) => error instanceof GatewayError && error.retryable && this.#options.canRepeat(),
        onRetry: (error, attempt, delayMs) => this.#noteRetry(error, attempt, delayMs),
      });
      clock.stop();
      return this.#respondWith(answer);
    } catch (cause) {
      clock.stop();
      const error = this.#options.bodyFailure() ?? toGatewayError(clock.signal.aborted ? clock.signal.reason : cause);
      const told = clock.signal.aborted ? error : this.#budget.asFinal(error);
      this.#finish(clock.hasLeft ? "aborted" : "failed", told);
      throw told;
    }
  }

  /** Ends it from outside, such as at a shutdown. */
  end(error: GatewayError): void {
    this.#isEnded = true;
    this.#options.clock.abort(error);
    this.#relay?.expire(error);
  }

  get view(): RunningView {
    const { requestId, caller, endpoint, liveness } = this.#options;
    return {
      requestId,
      caller,
      surface: endpoint,
      upstream: this.#served.upstream.name,
      model: this.#served.model,
      sessionId: undefined,
      isStream: false,
      runningMs: liveness.now() - this.#startedAtMs,
      firstTokenMs: this.#firstByteMs,
    };
  }

  /** One round: each candidate that is well, until one answers. */
  async #tryCandidates(): Promise<ForwardedAnswer> {
    const { breaker, endpoint, clock, log, requestId } = this.#options;
    // The health of an endpoint is its own: audio that fails says nothing about chat.
    const healths = this.#options.candidates.map((candidate) => ({
      upstream: candidate.upstream,
      model: `${endpoint} ${candidate.model ?? ""}`,
      candidate,
    }));
    const well = new Set<Candidate>(breaker.choose(healths));
    const free = this.#place.order(healths.filter((health) => well.has(health)).map(({ candidate }) => candidate));
    const chosen = free.flatMap((candidate) => healths.filter((health) => health.candidate === candidate));
    const passedOver = healths.filter((health) => !chosen.includes(health));
    const round = createRound([...chosen, ...passedOver], breaker.choose);
    let told: { readonly error: unknown; readonly candidate: Candidate } | undefined;
    for (let health = round.next(); health !== undefined;) {
      const asked = breaker.ask(health);
      try {
        const answer = await this.#tryOnce(health.candidate);
        asked.succeeded();
        return answer;
      } catch (error) {
        if (clock.hasLeft || this.#isEnded || this.#options.bodyFailure() !== undefined) {
          asked.left();
          throw error;
        }
        const failure = toGatewayError(clock.signal.aborted ? clock.signal.reason : error);
        asked.failed(failure.kind);
        const next = round.next(failure);
        const isMissing = failure.kind === "not-served";
        if (clock.signal.aborted || !(isMissing || isWorthMoving(failure))) throw error;
        if (told === undefined || moreHopeful(told.error, error) === error)
          told = { error, candidate: health.candidate };
        if (next === undefined || !this.#options.canRepeat() || !this.#budget.hasTime) {
          this.#served = told.candidate;
          throw told.error;
        }
        const { name } = health.upstream;
        log.info("Another upstream is asked", {
          requestId,
          upstream: next.upstream.name,
          after: name,
          kind: failure.kind,
        });
        health = next;
      }
    }
    throw notServed(endpoint);
  }

  async #tryOnce(candidate: Candidate): Promise<ForwardedAnswer> {
    const { endpoint, contentType, accept, clock, caller, requestId } = this.#options;
    const { upstream, model } = candidate;
    this.#served = candidate;
    await this.#place.enter(candidate, this.#budget.deadlineMs);
    this.#budget.attempts++;
    clock.begin();
    const { metrics, trace, retry } = this.#options;
    const beganAtMs = this.#options.liveness.now();
    trace?.attemptBegins(upstream.name, model);
    const context: ForwardContext = {
      signal: clock.signal,
      caller,
      requestId,
      deadlineMs: this.#budget.deadlineMs,
      retry,
      alive: () => clock.alive(),
      limits: this.#place,
    };
    const body = this.#options.bodyWith(model);
    try {
      if (upstream.forwarding === undefined) throw notServed(endpoint);
      const answer = await upstream.forwarding.forward({ endpoint, model, contentType, accept, body }, context);
      metrics.attemptOpened(upstream.name, this.#options.liveness.now() - beganAtMs);
      trace?.attemptOpened(answer.account, model ?? "");
      return answer;
    } catch (error) {
      this.#place.leave();
      const outcome = clock.hasLeft ? "aborted" : "failed";
      const { kind } = toGatewayError(error);
      metrics.attemptEnded(upstream.name, clock.hasLeft ? "aborted" : kind);
      trace?.attemptEnds({ outcome, kind });
      throw error;
    }
  }

  #respondWith(answer: ForwardedAnswer): Response {
    this.#answer = answer;
    const { clock, liveness } = this.#options;
    const init = { status: answer.status, headers: this.#headers(answer) };
    if (clock.signal.aborted) {
      if (!(answer.body instanceof Uint8Array)) answer.body.cancel();
      const error = toGatewayError(clock.signal.reason);
      this.#finish(clock.hasLeft ? "aborted" : "failed", error);
      throw error;
    }
    if (answer.body instanceof Uint8Array) {
      this.#noteSent(answer.body);
      this.#finish("complete", undefined);
      return new Response(answer.body, init);
    }
    const isEventStream = isEvents(answer);
    this.#relay = new ForwardRelay(
      answer.body,
      { isEventStream, startedAtMs: this.#startedAtMs, liveness },
      {
        sent: (bytes) => this.#noteSent(bytes),
        ended: (outcome, error) => this.#finish(outcome, error),
        abandoned: () => this.#options.onAbandoned(),
      },
    );
    return new Response(this.#relay.open(), init);
  }

  /** Of the upstream's own headers only the type of what follows. */
  #headers(answer: ForwardedAnswer): Record<string, string> {
    const { upstream, model } = this.#served;
    return {
      ...(isEvents(answer) ? eventStreamHeaders : {}),
      ...(answer.contentType === undefined ? {} : { "content-type": answer.contentType }),
      ...(this.#place.waitedMs > 0 ? { "x-queue-wait-ms": String(Math.ceil(this.#place.waitedMs)) } : {}),
      "x-upstream": upstream.name,
      ...(model === undefined || !/^[\x20-\x7e]*$/.test(model) ? {} : { "x-model": model }),
      "x-attempts": String(this.#budget.attempts),
      "server-timing": this.#serverTiming(),
    };
  }

  #serverTiming(): string {
    const upstreamMs = Math.round((this.#options.liveness.now() - this.#startedAtMs) * 10) / 10;
    const { waitedMs } = this.#place;
    return `upstream;dur=${upstreamMs}${waitedMs > 0 ? `, queue;dur=${Math.round(waitedMs)}` : ""}`;
  }

  #noteRetry(error: unknown, attempt: number, delayMs: number): void {
    const { log, requestId, clock } = this.#options;
    log.info("Asking the upstream once more", { requestId, attempt, delayMs, reason: toGatewayError(error).message });
    clock.begin();
  }

  #noteSent(bytes: Uint8Array): void {
    if (this.#firstByteMs === undefined) this.#noteFirst();
    this.#sentBytes += bytes.length;
    this.#sentChunks++;
    if (this.#answer !== undefined && maySayUsage(this.#answer)) this.#usage.note(bytes);
  }

  #noteFirst(): void {
    this.#firstByteMs = this.#options.liveness.now() - this.#startedAtMs;
    this.#options.trace?.firstToken();
  }

  #finish(outcome: Outcome, error: GatewayError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#answer?.onEnd(error);
    const usage = this.#usage.read();
    this.#place.leave(usage && usage.inputTokens + usage.outputTokens);
    if (usage !== undefined) this.#options.spending?.spent(this.#served.model ?? "", usage);
    this.#count(outcome, error);
    this.#tell(outcome, error);
    this.#endTrace(outcome, error, usage);
    this.#options.onEnd();
  }

  #endTrace(outcome: Outcome, error: GatewayError | undefined, usage: Partial<TokenUsage> | undefined): void {
    const { metrics, trace } = this.#options;
    const kind = error?.kind;
    // An attempt that was refused has ended before.
    if (this.#answer !== undefined) {
      metrics.attemptEnded(this.#served.upstream.name, outcome === "failed" ? (kind ?? "internal") : outcome);
      trace?.attemptEnds({ outcome, kind, inputTokens: usage?.inputTokens, outputTokens: usage?.outputTokens });
    }
    trace?.ended(outcome, kind, this.#budget.attempts);
  }

  #count(outcome: Outcome, error: GatewayError | undefined): void {
    const usage = this.#usage.read();
    this.#options.metrics.replyEnded(this.#labels, {
      upstream: this.#served.upstream.name,
      outcome,
      kind: error?.kind,
      attempts: this.#budget.attempts,
      firstTokenMs: this.#firstByteMs,
      queuedMs: this.#place.waitedMs,
      totalMs: this.#options.liveness.now() - this.#startedAtMs,
      inputTokens: usage?.inputTokens,
      outputTokens: usage?.outputTokens,
      sentBytes: this.#sentBytes,
      sentChunks: this.#sentChunks,
      receivedBytes: this.#sentBytes,
      receivedChunks: this.#sentChunks,
    });
  }

  #tell(outcome: Outcome, error: GatewayError | undefined): void {
    const { log, endpoint, requestId, liveness } = this.#options;
    const usage = this.#usage.read();
    const fields = {
      requestId,
      surface: endpoint,
      upstream: this.#served.upstream.name,
      account: this.#answer?.account || undefined,
      model: this.#served.model,
      outcome,
      attempts: this.#budget.attempts,
      firstTokenMs: this.#firstByteMs === undefined ? undefined : Math.round(this.#firstByteMs),
      queuedMs: this.#place.waitedMs === 0 ? undefined : Math.round(this.#place.waitedMs),
      totalMs: Math.round(liveness.now() - this.#startedAtMs),
      inputTokens: usage?.inputTokens,
      outputTokens: usage?.outputTokens,
      bytes: this.#sentBytes,
      kind: outcome === "aborted" ? undefined : error?.kind,
      reason: outcome === "aborted" ? undefined : refusalReason(error),
      status: error === undefined || outcome === "aborted" ? undefined : httpStatus[error.kind],
    };
    // A refusal that is the request's own fault has no stack that anybody could learn from.
    if (outcome === "failed" && (fields.status ?? 500) < 500) log.warn(`exchange failed: ${error?.message}`, fields);
    else if (outcome === "failed") log.error(`exchange failed: ${error?.message}`, fields, error);
    else log.info("exchange", fields);
  }
}

function maySayUsage(answer: ForwardedAnswer): boolean {
  return isEvents(answer) || answer.contentType?.includes("json") === true;
}

function isEvents({ contentType }: ForwardedAnswer): boolean {
  return contentType?.toLowerCase().startsWith("text/event-stream") === true;
}
