// One exchange after its request is known: attempts until one begins, then the answer in the client's form.

import type { ChatReply } from "../contract/chat-reply.ts";
import type { Continuation } from "../contract/continuation.ts";
import type { TokenUsage } from "../contract/events.ts";
import { GatewayError, toGatewayError } from "../contract/gateway-error.ts";
import type { ReplyOutcome, UpstreamReply } from "../contract/upstream.ts";
import { withRetry } from "../outbound/retry.ts";
import { Attempt, type AttemptEnd, type AttemptHooks, type CleanEnd } from "./attempt.ts";
import { clientLeft } from "./attempt-errors.ts";
import { Collector } from "./collect.ts";
import { ContextTrim } from "./context-trim.ts";
import type { ExchangeOptions } from "./exchange-options.ts";
import { ExchangeRecord } from "./exchange-record.ts";
import { createRound, isWorthMoving, keeperFirst, requestFor } from "./failover.ts";
import type { Candidate } from "./model-routes.ts";
import { Opening } from "./opening.ts";
import { Relay, type RelayHooks, streamHeaders } from "./relay.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";
import { RetryBudget } from "./retry-budget.ts";
import { SentReply } from "./sent-reply.ts";
import { sessionElsewhere } from "./turn.ts";
import { UpstreamPlace } from "./upstream-place.ts";

/** A chat whose reply could not even be opened may still be generating. */
const unknownSettleMs = 2000;

/** It is what its relay and its attempts report to: no closure of theirs outlives the opening of a stream. */
export class Exchange implements AttemptHooks, RelayHooks {
  readonly #options: ExchangeOptions;
  readonly #consumer: ReplyConsumer;
  readonly #relay: Relay | undefined;
  readonly #collector: Collector | undefined;
  readonly #controller = new AbortController();
  readonly #opening: Opening;
  readonly #record: ExchangeRecord;
  readonly #place: UpstreamPlace;
  /** Undefined: prompts are never shortened. */
  readonly #trim: ContextTrim | undefined;
  #budget: RetryBudget;
  /** Those that keep the conversation come first, once the turn has been found. */
  #candidates: readonly Candidate[];
  /** The one that was asked last. */
  #served: Candidate | undefined;
  #attempt: Attempt | undefined;
  #settleMs = unknownSettleMs;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#budget = new RetryBudget(options.retry, options.retryBudgetMs);
    const { request, identity, surface } = options;
    if (request.stream) {
      this.#relay = new Relay(() => surface.createEncoder(request, identity), this);
      this.#consumer = this.#relay;
    } else {
      const encode = (reply: ChatReply): string => JSON.stringify(surface.encodeReply(request, reply));
      this.#collector = new Collector(identity, () => this.createSent(), encode);
      this.#consumer = this.#collector;
    }
    this.#candidates = options.candidates;
    this.#opening = new Opening(options.liveness, this.#consumer, () => this.#leave());
    this.#record = new ExchangeRecord(options);
    const { queues, caller, contextTrim, log, requestId } = options;
    if (contextTrim !== undefined) this.#trim = new ContextTrim(contextTrim, log.with({ requestId }));
    this.#place = new UpstreamPlace({
      queues,
      request,
      caller,
      opening: this.#opening,
      signal: this.#controller.signal,
    });
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
        headers: { "content-type": "application/json;charset=utf-8", ...this.#ownHeaders },
      });
    }
    const isHeld = await settledWithin(begun, holdHeadersMs);
    if (!isHeld) begun.catch((error: unknown) => this.#relay?.fail(toGatewayError(error)));
    clientSignal.removeEventListener("abort", onClientAbort);
    return new Response(this.#relay.open(), { headers: { ...streamHeaders, ...this.#ownHeaders } });
  }

  /** Who answers is not known yet when the head had to go out before the first word. */
  get #ownHeaders(): Record<string, string> {
    const headers: Record<string, string> = {};
    const { sessionId } = this.#options.turn;
    if (sessionId !== undefined) headers["x-session-id"] = headerText(sessionId);
    if (this.#place.tellableMs > 0) headers["x-queue-wait-ms"] = String(this.#place.tellableMs);
    if (this.#attempt === undefined || this.#served === undefined) return headers;
    headers["x-upstream"] = this.#served.upstream.name;
    headers["x-model"] = headerText(this.#attempt.model);
    headers["x-attempts"] = String(this.#budget.attempts);
    const trimmed = this.#trim?.changed(this.#served) ?? 0;
    if (trimmed > 0) headers["x-context-trimmed"] = String(trimmed);
    return headers;
  }

  /** Ends a running exchange from outside, such as at a shutdown. */
  end(error: GatewayError): void {
    this.#attempt?.expire(error);
    // Also when an attempt has just failed and the next has not begun.
    this.#abort(error);
  }

  async #runAttempts(): Promise<void> {
    const { retry, turn } = this.#options;
    try {
      await this.#beginTurn();
      await withRetry(() => this.#tryCandidates(), {
        ...retry,
        deadlineMs: this.#budget.deadlineMs,
        signal: this.#controller.signal,
        // A fault of our own is no better the second time.
        isRetryable: (error) => error instanceof GatewayError && error.retryable,
        onRetry: (error, attempt, delayMs) => this.#beforeRetry(error, attempt, delayMs),
      });
    } catch (error) {
      this.#opening.stop();
      const isAborted = this.#controller.signal.aborted;
      const failure = toGatewayError(isAborted ? this.#controller.signal.reason : error);
      // A refusal that no repetition helps against began nothing: its chat is free at once.
      await turn.release(!isAborted && !failure.retryable ? 0 : this.#settleMs);
      const told = isAborted ? failure : this.#budget.asFinal(failure);
      this.#finish(isAborted ? "aborted" : "failed", told);
      throw told;
    }
  }

  #beforeRetry(error: unknown, attempt: number, delayMs: number): void {
    const { log, requestId } = this.#options;
    const reason = toGatewayError(error).message;
    log.info("Asking the upstream once more", { requestId, attempt, delayMs, reason });
    // A wait is a silence like any other for a client whose head is out.
    this.#opening.begin();
  }

  /** A turn of a named session may have to wait for the one before it: a silence like any other for its client. */
  async #beginTurn(): Promise<void> {
    const { turn, retry, retryBudgetMs } = this.#options;
    const upstreams = this.#candidates.map(({ upstream }) => upstream);
    const isKept = turn.keepsText || upstreams.some(({ keepsConversations }) => keepsConversations === true);
    // Nobody is waited for where nobody keeps a conversation.
    if (!isKept) return await turn.begin(this.#controller.signal, upstreams);
    this.#opening.begin();
    try {
      await turn.begin(this.#controller.signal, upstreams);
    } finally {
      this.#opening.stop();
    }
    const able = this.#candidates.filter(({ upstream }) => turn.mayServe(upstream));
    if (able.length === 0) throw sessionElsewhere();
    this.#candidates = keeperFirst(able, turn.upstream);
    // What was waited for others is not spent on attempts.
    this.#budget = new RetryBudget(retry, retryBudgetMs);
  }

  /** One round: each candidate that is well, until one begins. */
  async #tryCandidates(): Promise<void> {
    const { breaker, log, requestId, turn } = this.#options;
    const well = breaker?.choose(this.#candidates) ?? this.#candidates;
    const round = createRound(this.#place.order(well, turn.upstream), () => breaker?.choose(this.#candidates));
    for (let candidate = round.next(); candidate !== undefined;) {
      const asked = breaker?.ask(candidate);
      try {
        await this.#tryFitting(candidate);
        asked?.succeeded();
        return;
      } catch (error) {
        const failure = toGatewayError(error);
        const hasLeft = this.#controller.signal.aborted;
        if (hasLeft) asked?.left();
        else asked?.failed(failure.kind);
        const next = round.next();
        const mayMove = !hasLeft && this.#budget.hasTime && isWorthMoving(failure);
        if (next === undefined || !mayMove) throw error;
        const { name } = candidate.upstream;
        log.info("Another upstream is asked", {
          requestId,
          upstream: next.upstream.name,
          after: name,
          kind: failure.kind,
        });
        candidate = next;
      }
    }
  }

  #tryFitting(candidate: Candidate): Promise<void> {
    const tryOnce = (): Promise<void> => this.#tryOnce(candidate);
    const mayRepeat = (): boolean => !this.#controller.signal.aborted && this.#budget.hasAttempt;
    return this.#trim === undefined ? tryOnce() : this.#trim.attempt(candidate, tryOnce, mayRepeat);
  }

  async #tryOnce(candidate: Candidate): Promise<void> {
    const { turn, caller, requestId, liveness, log, debugStreaming } = this.#options;
    const { upstream } = candidate;
    this.#served = candidate;
    this.#record.upstream = upstream;
    const recalled = upstream.keepsConversations === true ? [] : await turn.recall();
    const whole = requestFor(candidate, this.#options.request, recalled);
    const request = this.#trim?.fit(candidate, whole) ?? whole;
    const opening = this.#opening;
    await this.#place.enter(candidate, this.#budget.deadlineMs);
    this.#budget.attempts++;
    this.#consumer.restart();
    const controller = opening.begin();
    if (this.#controller.signal.aborted) controller.abort(this.#controller.signal.reason);
    let reply: UpstreamReply;
    try {
      reply = await upstream.open(request, {
        signal: controller.signal,
        caller,
        requestId,
        deadlineMs: this.#budget.deadlineMs,
        resume: turn.upstream === upstream.name ? turn.resume : undefined,
        limits: this.#place,
        toldModel: this.#options.identity.model,
        onWholeAnswer() {
          opening.waitsForWhole = true;
        },
      });
    } catch (error) {
      this.#place.leave();
      throw error;
    } finally {
      opening.stop();
    }
    this.#record.account = reply.account;
    this.#attempt = new Attempt({
      reply,
      consumer: this.#consumer,
      hooks: this,
      liveness,
      startedAtMs: opening.startedAtMs,
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

  createSent(): SentReply {
    const { turn } = this.#options;
    return new SentReply(() => turn.createDigest(), turn.keepsText);
  }

  clientReads(): void {
    this.#attempt?.resume();
  }

  clientLeft(): void {
    this.#leave();
  }

  started(reply: UpstreamReply, continuation: Continuation): Promise<void> {
    const { turn, candidates } = this.#options;
    return turn.started((this.#served ?? candidates[0]!).upstream.name, reply, continuation);
  }

  /** The upstream that was asked last speaks the client's own protocol. */
  get isPassThrough(): boolean {
    const { candidates, surface } = this.#options;
    return (this.#served ?? candidates[0]!).upstream.protocol === surface.name;
  }

  firstToken(): void {
    this.#record.firstToken();
  }

  abandoned(): void {
    this.#options.onAbandoned?.();
    // As a hang-up does: what could only be read on is given up at once.
    this.#leave();
  }

  repeatsEmpty(): boolean {
    return this.#budget.takeEmptyRepetition();
  }

  async commit({ usage, continuation }: CleanEnd, settleMs: number): Promise<TokenUsage> {
    const { turn, candidates } = this.#options;
    const passed = this.#attempt?.passThrough;
    const told = usage ?? this.#record.estimateUsage(passed?.estimatedTokens ?? this.#consumer.sent.tokens);
    if (continuation === undefined && !turn.keepsText) {
      // Whoever keeps no conversation finds none: what was said need not be digested.
      await turn.release(settleMs);
      return told;
    }
    const { sent } = this.#consumer;
    await turn.commit({
      upstream: (this.#served ?? candidates[0]!).upstream.name,
      account: this.#record.account,
      model: this.#attempt?.model ?? "",
      fingerprint: sent.finish(),
      continuation,
      settleMs,
      message: sent.message,
    });
    return told;
  }

  async ended(end: AttemptEnd): Promise<void> {
    const { outcome, hasBegun, error, settleMs, usage } = end;
    this.#place.leave(usage?.totalTokens);
    this.#record.addAttempt(end);
    this.#settleMs = settleMs;
    if (outcome === "failed" && !hasBegun) return;
    if (outcome !== "complete") await this.#options.turn.release(settleMs);
    this.#finish(outcome, error);
  }

  /** The client has hung up. */
  #leave(): void {
    this.#options.turn.leave();
    // First: a transport that breaks off within the call would make a failure of it.
    this.#attempt?.abort();
    this.#abort(clientLeft());
  }

  #abort(reason: GatewayError): void {
    this.#controller.abort(reason);
    this.#opening.abort(reason);
  }

  #finish(outcome: ReplyOutcome, error: GatewayError | undefined): void {
    this.#record.queuedMs = this.#place.waitedMs;
    this.#record.trimmedMessages = this.#trim?.changed(this.#served) ?? 0;
    if (!this.#record.end(outcome, error, this.#budget.attempts, this.#consumer)) return;
    this.#options.onEnd(error);
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
