// One exchange after its request is known: attempts until one begins, then the answer in the client's form.

import type { ChatReply } from "../contract/chat-reply.ts";
import type { Message } from "../contract/chat-request.ts";
import type { Continuation } from "../contract/continuation.ts";
import type { TokenUsage } from "../contract/events.ts";
import { type GatewayError, toGatewayError } from "../contract/gateway-error.ts";
import { settledWithin } from "../contract/settled-within.ts";
import type { EventEncoder } from "../contract/surface.ts";
import type { ReplyOutcome, Upstream, UpstreamReply } from "../contract/upstream.ts";
import { eventStreamHeaders } from "../sse/event-stream-headers.ts";
import { delayAfter, sleep } from "../outbound/retry.ts";
import { Attempt } from "./replies/attempt.ts";
import { clientLeft } from "./replies/attempt-errors.ts";
import type { AttemptEnd, AttemptHooks } from "./replies/attempt-hooks.ts";
import { type Asker, askCandidates } from "./candidates/candidate-round.ts";
import { Collector, type CollectorHooks } from "./replies/collect.ts";
import { ContextTrim } from "./context-trim.ts";
import type { ExchangeOptions } from "./exchange-options.ts";
import { ExchangeRecord } from "./records/exchange-record.ts";
import type { RunningView } from "./replies/running-view.ts";
import { keeperFirst, mayBeRepeated, requestFor } from "./candidates/failover.ts";
import type { AnswerDemand } from "./forms/mending.ts";
import type { Candidate } from "./candidates/model-routes.ts";
import { contextFor } from "./replies/open-context.ts";
import { Opening, type OpeningHooks } from "./replies/opening.ts";
import { Relay, type RelayHooks } from "./replies/relay.ts";
import type { ReplyConsumer } from "./replies/reply-consumer.ts";
import { addExchangeHeaders, addServedHeaders } from "./replies/reply-head.ts";
import { demandOf, encoderFor, encodeWhole, sentReplyFor, shapeReply } from "./forms/reply-shape.ts";
import { RetryBudget } from "./replies/retry-budget.ts";
import type { SentReply } from "./turns/sent-reply.ts";
import { socketBody } from "./replies/socket-outlet.ts";
import { keepsConversations, type Server, sessionElsewhere } from "./turns/turn.ts";
import { UpstreamPlace } from "./queues/upstream-place.ts";

/** A chat whose reply could not even be opened may still be generating. */
const unknownSettleMs = 2000;

const nothingToWaitFor = Promise.resolve();
const nothingRecalled: readonly Message[] = [];

/** It is what its consumer and its attempts report to: no closure of theirs outlives the opening of a stream. */
export class Exchange implements Asker, AttemptHooks, RelayHooks, CollectorHooks, OpeningHooks {
  readonly #options: ExchangeOptions;
  readonly #consumer: ReplyConsumer;
  readonly #relay: Relay | undefined;
  readonly #collector: Collector | undefined;
  readonly #opening: Opening;
  readonly #record: ExchangeRecord;
  readonly #place: UpstreamPlace;
  readonly #budget: RetryBudget;
  /** Undefined: prompts are never shortened. */
  readonly #trim: ContextTrim | undefined;
  /** Undefined: any answer will do. */
  readonly #demand: AnswerDemand | undefined;
  /** Those that keep the conversation come first, once the turn has been found. */
  #candidates: readonly Candidate[];
  /** The one that was asked last. */
  #served: Candidate | undefined;
  #attempt: Attempt | undefined;
  #settleMs = unknownSettleMs;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#candidates = options.candidates;
    // First: a form that nobody can keep to begins nothing.
    this.#demand = demandOf(options.request);
    if (options.request.stream) this.#relay = new Relay(this);
    else this.#collector = new Collector(options.identity, this);
    this.#record = new ExchangeRecord(options);
    this.#consumer = this.#record.watch(this.#relay ?? this.#collector!);
    this.#opening = new Opening(options.liveness, this.#consumer, this);
    this.#place = new UpstreamPlace(options, this.#opening);
    this.#budget = new RetryBudget(options.retry, options.retryBudgetMs);
    const { contextTrim, log, requestId } = options;
    if (contextTrim !== undefined) this.#trim = new ContextTrim(contextTrim, log.with({ requestId }));
  }

  /** @throws {GatewayError} when the exchange failed while its status could still be chosen */
  async respond(): Promise<Response> {
    const { clientSignal, holdHeadersMs } = this.#options;
    clientSignal.addEventListener("abort", this);
    if (clientSignal.aborted) this.clientLeft();
    const begun = this.#runAttempts();
    if (this.#relay === undefined) {
      await begun;
      clientSignal.removeEventListener("abort", this);
      const body = this.#collector?.body;
      if (body === undefined) throw clientLeft();
      return new Response(body, { headers: this.#addOwn({ "content-type": "application/json;charset=utf-8" }) });
    }
    const isHeld = await settledWithin(begun, holdHeadersMs);
    if (!isHeld) begun.catch((error: unknown) => this.#relay?.fail(toGatewayError(error)));
    clientSignal.removeEventListener("abort", this);
    const headers = this.#addOwn({ ...eventStreamHeaders });
    const { outlet, toSocket = false } = this.#options;
    if (outlet === undefined) {
      const body = toSocket ? socketBody(this.#relay, this.#options) : this.#relay.open();
      return new Response(body, { headers });
    }
    this.#relay.pourInto(outlet);
    return new Response(null, { headers });
  }

  /** Where its time went so far. */
  get serverTiming(): string {
    return this.#record.serverTiming(this.#place.waitedMs);
  }

  /** The client's signal is aborted. */
  handleEvent(): void {
    this.clientLeft();
  }

  /** Who answers is not known yet when the head had to go out before the first word. */
  #addOwn(headers: Record<string, string>): Record<string, string> {
    addExchangeHeaders(headers, this.#options.turn.sessionId, this.#place.tellableMs);
    headers["server-timing"] = this.serverTiming;
    if (this.#attempt === undefined || this.#served === undefined) return headers;
    const trimmed = this.#trim?.changed(this.#served) ?? 0;
    addServedHeaders(headers, this.#served.upstream.name, this.#attempt.model, this.#budget.attempts, trimmed);
    return headers;
  }

  /** Ends a running exchange from outside, such as at a shutdown. */
  end(error: GatewayError): void {
    this.#attempt?.expire(error);
    // Also when an attempt has just failed and the next has not begun.
    this.#opening.abort(error);
  }

  get view(): RunningView {
    return this.#record.view;
  }

  async #runAttempts(): Promise<void> {
    try {
      await this.#beginTurn();
      this.#record.turnBegins();
      for (let attempt = 1; ; attempt++) {
        try {
          return await askCandidates(this.#candidates, this.#options, this);
        } catch (error) {
          await this.#waitToRepeat(error, attempt);
        }
      }
    } catch (error) {
      this.#opening.stop();
      const aborted = this.#opening.reason;
      const failure = toGatewayError(aborted ?? error);
      // A refusal that no repetition helps against began nothing: its chat is free at once.
      const settleMs = aborted === undefined && !failure.retryable ? 0 : this.#settleMs;
      await this.#options.turn.release(settleMs);
      const told = aborted ?? this.#budget.asFinal(failure);
      this.#finish(aborted === undefined ? "failed" : "aborted", told);
      throw told;
    }
  }

  /** @throws the error when there is to be no further attempt */
  async #waitToRepeat(error: unknown, attempt: number): Promise<void> {
    const { retry, log, requestId } = this.#options;
    const limits = { ...retry, deadlineMs: this.#budget.deadlineMs, isRetryable: mayBeRepeated };
    const delayMs = this.hasLeft ? undefined : delayAfter(error, attempt, limits);
    if (delayMs === undefined) throw error;
    const reason = toGatewayError(error).message;
    log.info("Asking the upstream once more", { requestId, attempt, delayMs, reason });
    // A wait is a silence like any other for a client whose head is out.
    this.#opening.wait();
    await sleep(delayMs, this.#opening.signal);
  }

  #beginTurn(): Promise<void> {
    const { turn } = this.#options;
    const upstreams = this.#candidates.map(({ upstream }) => upstream);
    // Nobody is waited for where nobody keeps a conversation.
    const isKept = turn.keepsText || upstreams.some(keepsConversations);
    return isKept ? this.#waitForTurn(upstreams) : turn.begin(this.#opening.signal, upstreams);
  }

  /** A turn of a named session may have to wait for the one before it: a silence like any other for its client. */
  async #waitForTurn(upstreams: readonly Server[]): Promise<void> {
    const { turn } = this.#options;
    this.#opening.wait();
    try {
      await turn.begin(this.#opening.signal, upstreams);
    } finally {
      this.#opening.stop();
    }
    const able = this.#candidates.filter(({ upstream }) => turn.mayServe(upstream));
    if (able.length === 0) throw sessionElsewhere();
    this.#candidates = keeperFirst(able, turn.upstream);
    this.#budget.restart();
  }

  order(well: readonly Candidate[]): readonly Candidate[] {
    return this.#place.order(well, this.#options.turn.upstream);
  }

  attribute(candidate: Candidate): void {
    this.#served = candidate;
    this.#record.upstream = candidate.upstream;
  }

  ask(candidate: Candidate): Promise<void> {
    const demand = this.#demand;
    if (demand === undefined) return this.#askFitting(candidate);
    return demand.attempt(candidate, {
      tryOnce: () => this.#askFitting(candidate),
      mayRepeat: this.#mayRepeat,
      repeatsEmpty: () => this.repeatsEmpty(),
      repeats: (error) => this.#tellRepetition(error),
    });
  }

  #tellRepetition(error: unknown): void {
    const { log, requestId } = this.#options;
    log.info("The upstream is asked once more, for an answer in the form that is demanded", {
      requestId,
      upstream: this.#served?.upstream.name,
      reason: toGatewayError(error).message,
    });
  }

  #askFitting(candidate: Candidate): Promise<void> {
    if (this.#trim === undefined) return this.#tryOnce(candidate);
    return this.#trim.attempt(candidate, () => this.#tryOnce(candidate), this.#mayRepeat);
  }

  get hasLeft(): boolean {
    return this.#opening.reason !== undefined;
  }

  get hasTime(): boolean {
    return this.#budget.hasTime;
  }

  readonly #mayRepeat = (): boolean => !this.hasLeft && this.#budget.hasAttempt;

  async #tryOnce(candidate: Candidate): Promise<void> {
    const { turn } = this.#options;
    const { upstream } = candidate;
    this.attribute(candidate);
    const recalled = turn.keepsText && !keepsConversations(upstream) ? await turn.recall() : nothingRecalled;
    const whole = requestFor(candidate, this.#options.request, recalled);
    const fitting = this.#trim?.fit(candidate, whole) ?? whole;
    const request = this.#demand?.ask(fitting) ?? fitting;
    await this.#place.enter(candidate, this.#budget.deadlineMs);
    this.#budget.attempts++;
    this.#record.attemptBegins(request.model ?? candidate.model);
    this.#consumer.restart();
    this.#opening.begin();
    let reply: UpstreamReply;
    try {
      const { deadlineMs } = this.#budget;
      const context = contextFor(upstream, this.#options, this.#opening, this.#place, deadlineMs);
      const resume = this.#demand?.resumeFor(request, context.resume);
      reply = await upstream.open(request, resume === undefined ? context : { ...context, resume });
    } catch (error) {
      this.#place.leave();
      this.#record.attemptRefused(toGatewayError(error), this.hasLeft);
      this.#opening.renew();
      throw error;
    } finally {
      this.#opening.stop();
    }
    try {
      await this.#run(reply);
    } catch (error) {
      this.#attempt = undefined;
      this.#opening.renew();
      throw error;
    }
  }

  #run(opened: UpstreamReply): Promise<void> {
    const { requestId, liveness, log, debugStreaming } = this.#options;
    const reply = shapeReply(opened, this.#options, this.#demand);
    this.#record.attemptOpened(reply);
    this.#attempt = new Attempt({
      reply,
      consumer: this.#consumer,
      hooks: this,
      liveness,
      startedAtMs: this.#opening.startedAtMs,
      debugLog: debugStreaming ? log.with({ component: "stream", requestId }) : undefined,
    });
    const begun = this.#attempt.run();
    if (this.hasLeft) this.#attempt.abort();
    return begun;
  }

  createEncoder(): EventEncoder {
    return encoderFor(this.#options);
  }

  encodeReply(reply: ChatReply): string {
    return encodeWhole(this.#options, reply);
  }

  createSent(): SentReply {
    return sentReplyFor(this.#options);
  }

  clientReads(): void {
    this.#attempt?.resume();
  }

  /** The client has hung up. */
  clientLeft(): void {
    this.#options.turn.leave();
    // First: a transport that breaks off within the call would make a failure of it.
    this.#attempt?.abort();
    this.#opening.abort(clientLeft());
  }

  started(reply: UpstreamReply, continuation: Continuation): Promise<void> {
    return this.#options.turn.started(this.#upstream.name, reply, continuation);
  }

  /** That was asked last, or would be asked first. */
  get #upstream(): Upstream {
    return (this.#served ?? this.#options.candidates[0]!).upstream;
  }

  /** The upstream that was asked last speaks the client's own protocol. */
  get isPassThrough(): boolean {
    const { surface, request } = this.#options;
    return this.#upstream.protocol === surface.name && request.isReplyRead !== true;
  }

  get isKept(): boolean {
    return keepsConversations(this.#upstream);
  }

  firstToken(): void {
    this.#record.firstToken();
  }

  abandoned(): void {
    this.#options.onAbandoned?.();
    // As a hang-up does: what could only be read on is given up at once.
    this.clientLeft();
  }

  repeatsEmpty(): boolean {
    return this.#budget.takeEmptyRepetition();
  }

  usageOf(told: TokenUsage | undefined): TokenUsage {
    if (told !== undefined) return told;
    return this.#record.estimateUsage(this.#attempt?.passThrough?.estimatedTokens ?? this.#consumer.sent.tokens);
  }

  commit(continuation: Continuation | undefined, settleMs: number): Promise<void> {
    const { turn } = this.#options;
    // Whoever keeps no conversation finds none: what was said need not be digested.
    if (continuation === undefined && !turn.keepsText) return turn.release(settleMs);
    const { sent } = this.#consumer;
    return turn.commit({
      upstream: this.#upstream.name,
      account: this.#record.account,
      model: this.#attempt?.model ?? "",
      fingerprint: sent.finish(),
      continuation,
      settleMs,
      message: sent.message,
    });
  }

  ended(end: AttemptEnd): Promise<void> {
    const { outcome, hasBegun, error, settleMs, usage } = end;
    this.#place.leave(usage?.totalTokens);
    this.#record.addAttempt(end);
    this.#settleMs = settleMs;
    if (outcome === "failed" && !hasBegun) return nothingToWaitFor;
    if (outcome !== "complete") return this.#endUnfinished(outcome, error, settleMs);
    this.#finish(outcome, error);
    return nothingToWaitFor;
  }

  async #endUnfinished(outcome: ReplyOutcome, error: GatewayError | undefined, settleMs: number): Promise<void> {
    await this.#options.turn.release(settleMs);
    this.#finish(outcome, error);
  }

  #finish(outcome: ReplyOutcome, error: GatewayError | undefined): void {
    this.#record.queuedMs = this.#place.waitedMs;
    this.#record.trimmedMessages = this.#trim?.changed(this.#served) ?? 0;
    if (!this.#record.end(outcome, error, this.#budget.attempts, this.#consumer)) return;
    const { spending, onEnd } = this.#options;
    const spent = spending === undefined ? [] : this.#record.spentUsages((told) => this.usageOf(told));
    for (const { model, usage } of spent) spending?.spent(model, usage);
    onEnd(error);
  }
}
