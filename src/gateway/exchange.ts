// One exchange after its request is known: attempts until one begins, then the answer in the client's form.

import { type ChatRequest, flattenText } from "../contract/chat-request.ts";
import type { ReplyIdentity, TokenUsage } from "../contract/events.ts";
import { type GatewayError, httpStatus, toGatewayError } from "../contract/gateway-error.ts";
import type { Surface } from "../contract/surface.ts";
import type { OpenContext, Upstream, UpstreamReply } from "../contract/upstream.ts";
import { estimateTokens } from "../conversation/estimate-tokens.ts";
import { withRetry } from "../outbound/retry.ts";
import type { Log } from "../telemetry/log.ts";
import { Attempt, type AttemptEnd, type AttemptHooks, clientLeft } from "./attempt.ts";
import { Collector } from "./collect.ts";
import type { Liveness, Watched } from "./liveness.ts";
import { Relay, streamHeaders } from "./relay.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";
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
  readonly debugStreaming: boolean;
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
  #attempt: Attempt | undefined;
  #attempts = 0;
  #settleMs = unknownSettleMs;
  #firstTokenMs: number | undefined;
  #usage: TokenUsage | undefined;
  #isOver = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#startedAtMs = options.liveness.now();
    const { request, identity, surface, turn } = options;
    const createSent = (): SentReply => new SentReply(turn.createDigest());
    if (request.stream) {
      this.#relay = new Relay(surface.createEncoder(request, identity), createSent(), {
        pull: () => this.#attempt?.resume(),
        cancel: () => this.#leave(),
      });
      this.#consumer = this.#relay;
    } else {
      this.#collector = new Collector(identity, createSent);
      this.#consumer = this.#collector;
    }
  }

  /** @throws {GatewayError} when the exchange failed while its status could still be chosen */
  async respond(): Promise<Response> {
    const { clientSignal, surface, request, turn, holdHeadersMs } = this.#options;
    const onClientAbort = (): void => this.#leave();
    clientSignal.addEventListener("abort", onClientAbort, { once: true });
    if (clientSignal.aborted) this.#leave();
    const begun = this.#runAttempts();
    const headers = { "x-session-id": turn.sessionId };
    if (this.#relay === undefined) {
      await begun;
      clientSignal.removeEventListener("abort", onClientAbort);
      const reply = this.#collector?.reply;
      if (reply === undefined) throw clientLeft();
      return Response.json(surface.encodeReply(request, reply), { headers });
    }
    const isHeld = await settledWithin(begun, holdHeadersMs);
    if (!isHeld) begun.catch((error: unknown) => this.#relay?.fail(toGatewayError(error)));
    clientSignal.removeEventListener("abort", onClientAbort);
    return new Response(this.#relay.open(), { headers: { ...streamHeaders, ...headers } });
  }

  /** Ends a running exchange from outside, such as at a shutdown. */
  end(error: GatewayError): void {
    if (this.#attempt === undefined) this.#controller.abort(error);
    else this.#attempt.expire(error);
  }

  async #runAttempts(): Promise<void> {
    const { retry, retryBudgetMs, turn, log, requestId } = this.#options;
    const deadlineMs = Date.now() + retryBudgetMs;
    try {
      await withRetry(() => this.#tryOnce(deadlineMs), {
        ...retry,
        deadlineMs,
        signal: this.#controller.signal,
        onRetry: (error, attempt, delayMs) =>
          log.info("Asking the upstream once more", {
            requestId,
            attempt,
            delayMs,
            reason: toGatewayError(error).message,
          }),
      });
    } catch (error) {
      const known = this.#controller.signal.aborted
        ? toGatewayError(this.#controller.signal.reason)
        : toGatewayError(error);
      // A refusal that no repetition helps against began nothing: its chat is free at once.
      const isRefused = !this.#controller.signal.aborted && !known.retryable;
      await turn.release(isRefused ? 0 : this.#settleMs);
      this.#finish(this.#controller.signal.aborted ? "aborted" : "failed", known);
      throw known;
    }
  }

  async #tryOnce(deadlineMs: number): Promise<void> {
    const { upstream, request, turn, caller, requestId, liveness, log, debugStreaming } = this.#options;
    this.#attempts++;
    this.#consumer.restart();
    const startedAtMs = liveness.now();
    const opening = this.#watchOpening(startedAtMs);
    let reply: UpstreamReply;
    try {
      const context: OpenContext = {
        signal: AbortSignal.any([this.#controller.signal, opening.signal]),
        caller,
        requestId,
        deadlineMs,
        resume: turn.resume,
      };
      reply = await upstream.open(request, context);
    } finally {
      opening.stop();
    }
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
      commit: async ({ usage, continuation }, settleMs) => {
        const { sent } = this.#consumer;
        const told = usage ?? this.#estimateUsage(sent.tokens);
        await turn.commit(sent.finish(), continuation, settleMs);
        return told;
      },
      ended: async (end) => this.#onAttemptEnd(end),
    };
  }

  async #onAttemptEnd({ outcome, hasBegun, usage, error, settleMs }: AttemptEnd): Promise<void> {
    this.#usage = usage ?? this.#usage;
    this.#settleMs = settleMs;
    if (outcome === "failed" && !hasBegun) return;
    if (outcome !== "complete") await this.#options.turn.release(settleMs);
    this.#finish(outcome, error);
  }

  /** The client has hung up. */
  #leave(): void {
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
    const fields = {
      requestId,
      surface: surface.name,
      upstream: upstream.name,
      model: identity.model,
      session: turn.sessionId,
      stream: request.stream,
      outcome,
      attempts: this.#attempts,
      firstTokenMs: this.#firstTokenMs === undefined ? undefined : Math.round(this.#firstTokenMs),
      totalMs: Math.round(liveness.now() - this.#startedAtMs),
      inputTokens: this.#usage?.inputTokens,
      outputTokens: this.#usage?.outputTokens,
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
