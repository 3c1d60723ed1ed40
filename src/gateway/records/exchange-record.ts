// What is told of an exchange when it has ended: one line of the log and its figures. Once, never while it runs.

import type { TokenUsage } from "../../contract/events.ts";
import { type GatewayError, httpStatus } from "../../contract/gateway-error.ts";
import type { ReplyOutcome, Upstream, UpstreamReply } from "../../contract/upstream.ts";
import { estimatePrompt } from "../../conversation/estimate-prompt.ts";
import type { ReplyLabels } from "../../telemetry/metrics.ts";
import type { AttemptEnd } from "../replies/attempt-hooks.ts";
import type { ExchangeOptions } from "../exchange-options.ts";
import { KeptReply } from "./kept-reply.ts";
import { refusalReason } from "./refusal-reason.ts";
import { rememberExchange } from "./remember-exchange.ts";
import type { ReplyConsumer } from "../replies/reply-consumer.ts";
import type { RunningView } from "../replies/running-view.ts";
import { keepsConversations } from "../turns/turn.ts";

const noUsage: Partial<TokenUsage> = {};

/** What one request to an upstream took. */
export interface SpentUsage {
  readonly model: string;
  readonly usage: TokenUsage;
}

export class ExchangeRecord {
  /** The one that was asked last. */
  upstream: Upstream;
  /** Its account that served the newest attempt. */
  account = "";
  /** The model that was really asked. */
  model = "";
  /** How long it stood in line. */
  queuedMs = 0;
  /** Messages that its upstream was not sent, or not whole. */
  trimmedMessages = 0;
  readonly #options: ExchangeOptions;
  readonly #startedAtMs: number;
  #firstTokenMs: number | undefined;
  readonly #labels: ReplyLabels;
  #usage: TokenUsage | undefined;
  /** The one that took it. */
  #usageModel = "";
  /** Of attempts whose answers were asked for once more. */
  readonly #spentBefore: SpentUsage[] = [];
  #receivedBytes = 0;
  #receivedChunks = 0;
  #hasAnswered = false;
  #hasEnded = false;
  #turnMs: number | undefined;
  #attemptAtMs = 0;
  /** From the newest attempt to its upstream's yes. */
  #upstreamMs: number | undefined;
  /** Undefined: what is said is not kept. */
  #kept: KeptReply | undefined;
  readonly #isRemembered: boolean;

  constructor(options: ExchangeOptions) {
    const { surface, candidates, request, liveness, metrics, history, caller } = options;
    this.#options = options;
    this.upstream = candidates[0]!.upstream;
    this.#startedAtMs = liveness.now();
    this.#labels = { surface: surface.name, upstream: this.upstream.name, stream: request.stream };
    metrics?.replyStarted(this.#labels);
    this.#isRemembered = history !== undefined && history.keptOf(caller) !== "off";
  }

  /** @returns the consumer itself, or one around it where what is said is kept: nothing stands in the way otherwise */
  watch(consumer: ReplyConsumer): ReplyConsumer {
    const { history, caller } = this.#options;
    if (!this.#isRemembered || history?.keptOf(caller) !== "content") return consumer;
    this.#kept = new KeptReply(consumer, history.maxContentBytes);
    return this.#kept;
  }

  /** What it continues has been found. */
  turnBegins(): void {
    this.#turnMs = this.#options.liveness.now() - this.#startedAtMs;
  }

  attemptBegins(model: string | undefined): void {
    this.#attemptAtMs = this.#options.liveness.now();
    this.#upstreamMs = undefined;
    // Of the attempt before, perhaps at another upstream.
    this.account = "";
    this.#options.trace?.attemptBegins(this.upstream.name, model, this.#options.turn.sessionId);
  }

  attemptOpened({ account, model }: UpstreamReply): void {
    this.account = account;
    this.model = model;
    this.#upstreamMs = this.#options.liveness.now() - this.#attemptAtMs;
    this.#options.metrics?.attemptOpened(this.upstream.name, this.#upstreamMs);
    this.#options.trace?.attemptOpened(this.#accountAlias ?? "", model);
  }

  /** Its upstream did not accept it, or the client left before. */
  attemptRefused(error: GatewayError, hasLeft: boolean): void {
    const outcome = hasLeft ? "aborted" : "failed";
    this.#options.metrics?.attemptEnded(this.upstream.name, hasLeft ? "aborted" : error.kind);
    this.#options.trace?.attemptEnds({ outcome, kind: error.kind });
  }

  firstToken(): void {
    this.#firstTokenMs ??= this.#options.liveness.now() - this.#startedAtMs;
    this.#options.trace?.firstToken();
  }

  addAttempt(end: AttemptEnd): void {
    const { receivedBytes, receivedChunks, outcome, error, isRefused, unfitTokens, finishReason } = end;
    const usage = end.usage ?? (unfitTokens === undefined ? undefined : this.estimateUsage(unfitTokens));
    this.#hasAnswered ||= receivedBytes > 0 && !isRefused;
    this.#receivedBytes += receivedBytes;
    this.#receivedChunks += receivedChunks;
    if (usage !== undefined) this.#noteUsage(usage);
    const { metrics, trace } = this.#options;
    metrics?.attemptEnded(this.upstream.name, outcome === "failed" ? (error?.kind ?? "internal") : outcome);
    const { inputTokens, outputTokens } = usage ?? noUsage;
    trace?.attemptEnds({ outcome, kind: error?.kind, inputTokens, outputTokens, finishReason });
  }

  #noteUsage(usage: TokenUsage): void {
    if (this.#usage !== undefined) this.#spentBefore.push({ model: this.#usageModel, usage: this.#usage });
    this.#usage = usage;
    this.#usageModel = this.model;
  }

  get view(): RunningView {
    const { requestId, caller, surface, request, turn, liveness } = this.#options;
    return {
      requestId,
      caller,
      surface: surface.name,
      upstream: this.upstream.name,
      model: request.model,
      sessionId: turn.sessionId,
      isStream: request.stream,
      runningMs: liveness.now() - this.#startedAtMs,
      firstTokenMs: this.#firstTokenMs,
    };
  }

  /** What is known when the head goes out, for the header of that name. */
  serverTiming(queuedMs: number): string {
    const turnMs = this.#turnMs ?? this.#options.liveness.now() - this.#startedAtMs;
    let timing = `turn;dur=${tenths(turnMs)}`;
    if (queuedMs > 0) timing += `, queue;dur=${tenths(queuedMs)}`;
    if (this.#upstreamMs !== undefined) timing += `, upstream;dur=${tenths(this.#upstreamMs)}`;
    if (this.#firstTokenMs !== undefined) timing += `, first-token;dur=${tenths(this.#firstTokenMs)}`;
    return timing;
  }

  /** What is counted against limits, of each request apart: what it costs goes by its own model and prompt. Empty: no upstream answered. */
  spentUsages(estimate: (told: TokenUsage | undefined) => TokenUsage): readonly SpentUsage[] {
    if (!this.#hasAnswered) return [];
    const model = this.#usage === undefined ? this.model : this.#usageModel;
    return [...this.#spentBefore, { model, usage: estimate(this.#usage) }];
  }

  estimateUsage(outputTokens: number): TokenUsage {
    const { request, log, requestId } = this.#options;
    const inputTokens = estimatePrompt(request);
    log.debug("Usage is estimated: the upstream told none", { requestId });
    return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, estimated: true };
  }

  /** Tells it. @returns false when it was told before */
  end(outcome: ReplyOutcome, error: GatewayError | undefined, attempts: number, sent: ReplyConsumer): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    const totalMs = this.#options.liveness.now() - this.#startedAtMs;
    this.#count(outcome, error, attempts, totalMs, sent);
    this.#tell(outcome, error, attempts, totalMs, sent);
    this.#options.trace?.ended(outcome, error?.kind, attempts);
    if (this.#isRemembered) this.#remember(outcome, error, attempts, totalMs, sent);
    return true;
  }

  /** An answer is as good without: what fails here costs its entry. */
  #remember(
    outcome: ReplyOutcome,
    error: GatewayError | undefined,
    attempts: number,
    totalMs: number,
    { sentBytes }: ReplyConsumer,
  ): void {
    const { history, log, requestId } = this.#options;
    if (history === undefined) return;
    try {
      rememberExchange(history, this.#options, {
        upstream: this.upstream.name,
        account: this.#accountAlias,
        outcome,
        error: outcome === "aborted" ? undefined : error,
        attempts,
        firstTokenMs: this.#firstTokenMs,
        totalMs,
        usage: this.#usage,
        sentBytes,
        reply: this.#kept?.toJson(),
      });
    } catch (cause) {
      log.error("Cannot keep an exchange in the history", { requestId }, cause);
    }
  }

  #tell(
    outcome: ReplyOutcome,
    error: GatewayError | undefined,
    attempts: number,
    totalMs: number,
    sent: ReplyConsumer,
  ): void {
    const { log, surface, identity, turn, requestId, request } = this.#options;
    const fields = {
      requestId,
      surface: surface.name,
      upstream: this.upstream.name,
      account: this.#accountAlias,
      model: identity.model,
      session: turn.sessionId,
      stream: request.stream,
      outcome,
      attempts,
      firstTokenMs: this.#firstTokenMs === undefined ? undefined : Math.round(this.#firstTokenMs),
      queuedMs: this.queuedMs === 0 ? undefined : Math.round(this.queuedMs),
      totalMs: Math.round(totalMs),
      trimmedMessages: this.trimmedMessages === 0 ? undefined : this.trimmedMessages,
      inputTokens: this.#usage?.inputTokens,
      outputTokens: this.#usage?.outputTokens,
      bytes: sent.sentBytes,
      estimated: this.#usage?.estimated,
      // Of who left, the words in which its attempt was given up tell nothing.
      kind: outcome === "aborted" ? undefined : error?.kind,
      reason: outcome === "aborted" ? undefined : refusalReason(error),
      status: error === undefined || outcome === "aborted" ? undefined : httpStatus[error.kind],
    };
    // A refusal that is the request's own fault has no stack that anybody could learn from.
    if (outcome === "failed" && (fields.status ?? 500) < 500)
      log.warn(`exchange failed: ${error?.message ?? ""}`, fields);
    else if (outcome === "failed") log.error(`exchange failed: ${error?.message ?? ""}`, fields, error);
    else log.info("exchange", fields);
  }

  #count(
    outcome: ReplyOutcome,
    error: GatewayError | undefined,
    attempts: number,
    totalMs: number,
    { sentBytes, sentChunks }: ReplyConsumer,
  ): void {
    this.#options.metrics?.replyEnded(this.#labels, {
      upstream: this.upstream.name,
      outcome,
      kind: error?.kind,
      attempts,
      firstTokenMs: this.#firstTokenMs,
      queuedMs: this.queuedMs,
      totalMs,
      inputTokens: this.#usage?.inputTokens,
      outputTokens: this.#usage?.outputTokens,
      sentBytes,
      sentChunks,
      receivedBytes: this.#receivedBytes,
      receivedChunks: this.#receivedChunks,
      continues: keepsConversations(this.upstream) ? this.#options.turn.resume !== undefined : undefined,
      trimmedMessages: this.trimmedMessages,
    });
  }

  /** Undefined while no account has served it. */
  get #accountAlias(): string | undefined {
    if (this.account === "") return undefined;
    const accounts = this.upstream.accounts?.() ?? [];
    return accounts.find(({ id }) => id === this.account)?.alias ?? this.account;
  }
}

/** Milliseconds with one decimal. */
function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
