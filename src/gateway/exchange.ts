// One exchange after its request is known: attempts until one begins, then the answer in the client's form.

import type { ChatReply } from "../contract/chat-reply.ts";
import { type ChatRequest, flattenText } from "../contract/chat-request.ts";
import type { ReplyIdentity, TokenUsage } from "../contract/events.ts";
import { GatewayError, httpStatus, toGatewayError } from "../contract/gateway-error.ts";
import type { Surface } from "../contract/surface.ts";
import type { OpenContext, Upstream, UpstreamReply } from "../contract/upstream.ts";
import { estimateTokens } from "../conversation/estimate-tokens.ts";
import { withRetry } from "../outbound/retry.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics, ReplyLabels } from "../telemetry/metrics.ts";
import { Attempt, type AttemptEnd, type AttemptHooks } from "./attempt.ts";
import { clientLeft } from "./attempt-errors.ts";
import { Collector } from "./collect.ts";
import type { Liveness, Watched } from "./liveness.ts";
import { Relay, streamHeaders } from "./relay.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";
import { RetryBudget } from "./retry-budget.ts";
import { SentReply } from "./sent-reply.ts";
import type { Turn } from "./turns.ts";

export interface ExchangeOptions {
  readonly surface: Surface;
  readonly upstream: Upstream;
  readonly request: ChatRequest;
  readonly turn: Turn;
  readonly identity: ReplyIdentity;
  readonly caller: string;
  readonly requestId: string;
  readonly clientSignal: AbortSignal;
  readonly liveness: Liveness;
  readonly retry: { readonly maxAttempts: number; readonly baseDelayMs: number; readonly maxDelayMs: number };
  /** Wall clock of all attempts, chat creation and waits included. @defaultValue 60_000 */
  readonly retryBudgetMs: number;
  /** How long the head is held for the first semantic event. @defaultValue 15_000 */
  readonly holdHeadersMs: number;
  readonly log: Log;
  readonly metrics?: Metrics;
  readonly debugStreaming: boolean;
  /** The client does not read what it was sent: its connection may be closed. */
  readonly onAbandoned?: (() => void) | undefined;
  /** Called once, when nothing of this exchange runs any more; with the error it ended by, if it did. */
  readonly onEnd: (error: GatewayError | undefined) => void;
}

/** A chat whose reply could not even be opened may still be generating. */
const unknownSettleMs = 2000;

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #consumer: ReplyConsumer;
  readonly #relay: Relay | undefined;
  readonly #collector: Collector | undefined;
  readonly #controller = new AbortController();
  readonly #startedAtMs: number;
  #budget: RetryBudget;
  #attempt: Attempt | undefined;
  /** Between two attempts. */
  #wait: { stop(): void } | undefined;
  #settleMs = unknownSettleMs;
  #firstTokenMs: number | undefined;
  #usage: TokenUsage | undefined;
  /** The one that served the newest attempt. */
  #account = "";
  #receivedBytes = 0;
  #receivedChunks = 0;
  #isOver = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#startedAtMs = options.liveness.now();
    this.#budget = new RetryBudget(options.retry, options.retryBudgetMs);
    const { request, identity, surface, turn } = options;
    const createSent = (): SentReply => new SentReply(turn.createDigest());
    if (request.stream) {
      this.#relay = new Relay(surface.createEncoder(request, identity), createSent, {
        pull: () => this.#attempt?.resume(),
        cancel: () => this.#leave(),
      });
      this.#consumer = this.#relay;
    } else {
      const encode = (reply: ChatReply): string => JSON.stringify(surface.encodeReply(request, reply));
      this.#collector = new Collector(identity, createSent, encode);
      this.#consumer = this.#collector;
    }
    options.metrics?.replyStarted(this.#labels);
  }

  /** @throws {GatewayError} when the exchange failed while its status could still be chosen */
  async respond(): Promise<Response> {
    const { clientSignal, holdHeadersMs } = this.#options;
    const onClientAbort = (): void => this.#leave();
    clientSignal.addEventListener("abort", onClientAbort, { once: true });
    if (clientSignal.aborted) this.#leave();
    const begun = this.#runAttempts();
    if (this.#relay === undefined) {
      await begun;
      clientSignal.removeEventListener("abort", onClientAbort);
      const body = this.#collector?.body;
      if (body === undefined) throw clientLeft();
      return new Response(body, {
        headers: { "content-type": "application/json;charset=utf-8", ...this.#sessionHeader },
      });
    }
    const isHeld = await settledWithin(begun, holdHeadersMs);
    if (!isHeld) begun.catch((error: unknown) => this.#relay?.fail(toGatewayError(error)));
    clientSignal.removeEventListener("abort", onClientAbort);
    return new Response(this.#relay.open(), { headers: { ...streamHeaders, ...this.#sessionHeader } });
  }

  get #sessionHeader(): Record<string, string> {
    return { "x-session-id": headerText(this.#options.turn.sessionId) };
  }

  /** Ends a running exchange from outside, such as at a shutdown. */
  end(error: GatewayError): void {
    this.#attempt?.expire(error);
    // Also when an attempt has just failed and the next has not begun.
    this.#controller.abort(error);
  }

  /** It has been told to the log how this exchange ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  async #runAttempts(): Promise<void> {
    const { retry, turn, log, requestId } = this.#options;
    try {
      await this.#beginTurn();
      await withRetry(() => this.#tryOnce(), {
        ...retry,
        deadlineMs: this.#budget.deadlineMs,
        signal: this.#controller.signal,
        // A fault of our own is no better the second time.
        isRetryable: (error) => error instanceof GatewayError && error.retryable,
        onRetry: (error, attempt, delayMs) => {
          const reason = toGatewayError(error).message;
          log.info("Asking the upstream once more", { requestId, attempt, delayMs, reason });
          // A wait is a silence like any other for a client whose head is out.
          this.#wait = this.#watchOpening(this.#options.liveness.now());
        },
      });
    } catch (error) {
      this.#wait?.stop();
      const isAborted = this.#controller.signal.aborted;
      const failure = toGatewayError(isAborted ? this.#controller.signal.reason : error);
      // A refusal that no repetition helps against began nothing: its chat is free at once.
      await turn.release(!isAborted && !failure.retryable ? 0 : this.#settleMs);
      const told = isAborted ? failure : this.#budget.asFinal(failure);
      this.#finish(isAborted ? "aborted" : "failed", told);
      throw told;
    }
  }

  /** A turn of a named session may have to wait for the one before it: a silence like any other for its client. */
  async #beginTurn(): Promise<void> {
    const { turn, liveness, retry, retryBudgetMs } = this.#options;
    const waiting = this.#watchOpening(liveness.now());
    try {
      await turn.begin(this.#controller.signal);
    } finally {
      waiting.stop();
    }
    // What was waited for others is not spent on attempts.
    this.#budget = new RetryBudget(retry, retryBudgetMs);
  }

  async #tryOnce(): Promise<void> {
    const { upstream, request, turn, caller, requestId, liveness, log, debugStreaming } = this.#options;
    this.#wait?.stop();
    this.#budget.attempts++;
    this.#consumer.restart();
    const startedAtMs = liveness.now();
    const opening = this.#watchOpening(startedAtMs);
    let reply: UpstreamReply;
    try {
      const context: OpenContext = {
        signal: AbortSignal.any([this.#controller.signal, opening.signal]),
        caller,
        requestId,
        deadlineMs: this.#budget.deadlineMs,
        resume: turn.resume,
      };
      reply = await upstream.open(request, context);
    } finally {
      opening.stop();
    }
    this.#account = reply.account;
    this.#attempt = new Attempt({
      reply,
      consumer: this.#consumer,
      hooks: this.#hooksFor(reply),
      liveness,
      startedAtMs,
      debugLog: debugStreaming ? log.with({ component: "stream", requestId }) : undefined,
    });
    this.#attempt.run();
    if (this.#controller.signal.aborted) this.#attempt.abort();
    try {
      await this.#attempt.begun;
    } catch (error) {
      this.#attempt = undefined;
      throw error;
    }
  }

  #hooksFor(reply: UpstreamReply): AttemptHooks {
    const { turn } = this.#options;
    return {
      started: (continuation) => turn.started(reply, continuation),
      firstToken: () => {
        this.#firstTokenMs ??= this.#options.liveness.now() - this.#startedAtMs;
      },
      abandoned: () => this.#options.onAbandoned?.(),
      repeatsEmpty: () => this.#budget.takeEmptyRepetition(),
      commit: async ({ usage, continuation }, settleMs) => {
        const { sent } = this.#consumer;
        const told = usage ?? this.#estimateUsage(sent.tokens);
        await turn.commit(sent.finish(), continuation, settleMs);
        return told;
      },
      ended: async (end) => this.#onAttemptEnd(end),
    };
  }

  async #onAttemptEnd(end: AttemptEnd): Promise<void> {
    const { outcome, hasBegun, usage, error, settleMs } = end;
    this.#receivedBytes += end.receivedBytes;
    this.#receivedChunks += end.receivedChunks;
    this.#usage = usage ?? this.#usage;
    this.#settleMs = settleMs;
    if (outcome === "failed" && !hasBegun) return;
    if (outcome !== "complete") await this.#options.turn.release(settleMs);
    this.#finish(outcome, error);
  }

  /** The client has hung up. */
  #leave(): void {
    this.#options.turn.leave();
    this.#controller.abort(clientLeft());
    this.#attempt?.abort();
  }

  /** While the upstream has not answered, the first-byte clock runs and a client whose head is out hears heartbeats. */
  #watchOpening(startedAtMs: number): { readonly signal: AbortSignal; stop(): void } {
    const { liveness } = this.#options;
    const controller = new AbortController();
    const watched: Watched = {
      startedAtMs,
      lastByteAtMs: undefined,
      pausedAtMs: undefined,
      lastWriteAtMs: startedAtMs,
      expire: (error) => controller.abort(error),
      heartbeat: (nowMs) => {
        if (this.#consumer.heartbeat()) watched.lastWriteAtMs = nowMs;
      },
      cut: () => this.#leave(),
    };
    liveness.watch(watched);
    return { signal: controller.signal, stop: () => liveness.unwatch(watched) };
  }

  #estimateUsage(outputTokens: number): TokenUsage {
    const { request, log, requestId } = this.#options;
    let inputTokens = 0;
    for (const message of request.messages) inputTokens += estimateTokens(flattenText(message));
    log.debug("Usage is estimated: the upstream told none", { requestId });
    return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, estimated: true };
  }

  #finish(outcome: AttemptEnd["outcome"], error: GatewayError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { log, surface, upstream, identity, turn, requestId, request, onEnd, liveness } = this.#options;
    const totalMs = liveness.now() - this.#startedAtMs;
    this.#countReply(outcome, error, totalMs);
    const fields = {
      requestId,
      surface: surface.name,
      upstream: upstream.name,
      account: this.#accountAlias,
      model: identity.model,
      session: turn.sessionId,
      stream: request.stream,
      outcome,
      attempts: this.#budget.attempts,
      firstTokenMs: this.#firstTokenMs === undefined ? undefined : Math.round(this.#firstTokenMs),
      totalMs: Math.round(totalMs),
      inputTokens: this.#usage?.inputTokens,
      outputTokens: this.#usage?.outputTokens,
      bytes: this.#consumer.sentBytes,
      estimated: this.#usage?.estimated,
      kind: error?.kind,
      status: error === undefined || outcome === "aborted" ? undefined : httpStatus[error.kind],
    };
    // A refusal that is the request's own fault has no stack that anybody could learn from.
    if (outcome === "failed" && (fields.status ?? 500) < 500)
      log.warn(`exchange failed: ${error?.message ?? ""}`, fields);
    else if (outcome === "failed") log.error(`exchange failed: ${error?.message ?? ""}`, fields, error);
    else log.info("exchange", fields);
    onEnd(error);
  }

  #countReply(outcome: AttemptEnd["outcome"], error: GatewayError | undefined, totalMs: number): void {
    const { sentBytes, sentChunks } = this.#consumer;
    this.#options.metrics?.replyEnded(this.#labels, {
      outcome,
      kind: error?.kind,
      attempts: this.#budget.attempts,
      firstTokenMs: this.#firstTokenMs,
      totalMs,
      inputTokens: this.#usage?.inputTokens,
      outputTokens: this.#usage?.outputTokens,
      sentBytes,
      sentChunks,
      receivedBytes: this.#receivedBytes,
      receivedChunks: this.#receivedChunks,
    });
  }

  get #labels(): ReplyLabels {
    const { surface, upstream, request } = this.#options;
    return { surface: surface.name, upstream: upstream.name, stream: request.stream };
  }

  /** Undefined while no account has served it. */
  get #accountAlias(): string | undefined {
    if (this.#account === "") return undefined;
    const accounts = this.#options.upstream.accounts?.() ?? [];
    return accounts.find(({ id }) => id === this.#account)?.alias ?? this.#account;
  }
}

/** Clients may name sessions in any script; headers are ASCII. */
function headerText(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text);
}

/** @returns false when the limit came first. @throws what the work throws */
async function settledWithin(work: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([work.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}
