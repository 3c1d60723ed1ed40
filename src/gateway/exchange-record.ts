// What is told of an exchange when it has ended: one line of the log and its figures. Once, never while it runs.

import { flattenText } from "../contract/chat-request.ts";
import type { TokenUsage } from "../contract/events.ts";
import { type GatewayError, httpStatus } from "../contract/gateway-error.ts";
import type { ReplyOutcome, Upstream } from "../contract/upstream.ts";
import { estimateTokens } from "../conversation/estimate-tokens.ts";
import type { ReplyLabels } from "../telemetry/metrics.ts";
import type { AttemptEnd } from "./attempt-hooks.ts";
import type { ExchangeOptions } from "./exchange-options.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";

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
  #receivedBytes = 0;
  #receivedChunks = 0;
  #hasEnded = false;

  constructor(options: ExchangeOptions) {
    const { surface, candidates, request, liveness, metrics } = options;
    this.#options = options;
    this.upstream = candidates[0]!.upstream;
    this.#startedAtMs = liveness.now();
    this.#labels = { surface: surface.name, upstream: this.upstream.name, stream: request.stream };
    metrics?.replyStarted(this.#labels);
  }

  firstToken(): void {
    this.#firstTokenMs ??= this.#options.liveness.now() - this.#startedAtMs;
  }

  addAttempt({ usage, receivedBytes, receivedChunks }: AttemptEnd): void {
    this.#receivedBytes += receivedBytes;
    this.#receivedChunks += receivedChunks;
    this.#usage = usage ?? this.#usage;
  }

  /** What is counted against limits. Undefined: the upstream said nothing at all. */
  spentUsage(estimate: (told: TokenUsage | undefined) => TokenUsage): TokenUsage | undefined {
    return this.#receivedBytes === 0 ? undefined : estimate(this.#usage);
  }

  estimateUsage(outputTokens: number): TokenUsage {
    const { request, log, requestId } = this.#options;
    let inputTokens = 0;
    for (const message of request.messages) inputTokens += estimateTokens(flattenText(message));
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
    return true;
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
      kind: error?.kind,
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
    });
  }

  /** Undefined while no account has served it. */
  get #accountAlias(): string | undefined {
    if (this.account === "") return undefined;
    const accounts = this.upstream.accounts?.() ?? [];
    return accounts.find(({ id }) => id === this.account)?.alias ?? this.account;
  }
}
