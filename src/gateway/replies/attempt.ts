// One reply of an upstream from its first byte to its end: decodes, watches, commits, and tells a consumer. Hot.

import type { ByteSink } from "../../contract/byte-source.ts";
import type { Continuation } from "../../contract/continuation.ts";
import type { FinishReason, TokenUsage, UpstreamEvent } from "../../contract/events.ts";
import { type GatewayError, toGatewayError } from "../../contract/gateway-error.ts";
import { jsonText } from "../../contract/json.ts";
import type { PassThrough, ReplyOutcome, UpstreamReply } from "../../contract/upstream.ts";
import { estimatedTokensOf, estimateTokens } from "../../conversation/estimate-tokens.ts";
import type { Log } from "../../telemetry/log.ts";
import { clientLeft, clientStalled, connectionBroke, emptyAnswer } from "./attempt-errors.ts";
import type { AttemptEnd, AttemptHooks } from "./attempt-hooks.ts";
import type { Liveness, Watched } from "./liveness.ts";
import type { ReplyConsumer } from "./reply-consumer.ts";

/** How long an abandoned reply is read on to learn the id that its stop call needs. */
const learnMs = 2000;
/** How long the end of a body may take behind the reply's, before the connection is given up. */
const bodyEndMs = 1000;

export class Attempt implements ByteSink, Watched {
  startedAtMs: number;
  lastByteAtMs: number | undefined = undefined;
  pausedAtMs: number | undefined = undefined;
  lastWriteAtMs: number;

  readonly #begun = Promise.withResolvers<void>();
  #noted: Promise<void> | undefined;
  readonly #reply: UpstreamReply;
  readonly #consumer: ReplyConsumer;
  readonly #hooks: AttemptHooks;
  readonly #liveness: Liveness;
  readonly #debugLog: Log | undefined;
  readonly #onEvent = (event: UpstreamEvent): void => this.#event(event);
  /** `recovering`: the body broke off, and its upstream is asked for the rest. */
  #state: "running" | "recovering" | "leaving" | "ended" = "running";
  #hasBegun = false;
  /** Why the body has ended without an end, as the transport or the decoder tells it. */
  #interruption: GatewayError | undefined;
  #isBodyOver = false;
  #receivedBytes = 0;
  #receivedChunks = 0;
  #continuation: Continuation | undefined;
  #usage: TokenUsage | undefined;
  #isRefused = false;
  #unfitTokens: number | undefined;
  #leaveTimer: ReturnType<typeof setTimeout> | undefined;
  /** Cleared when the body ends: an ended reply that it holds for its time costs more than a running one. */
  #bodyTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: {
    readonly reply: UpstreamReply;
    readonly consumer: ReplyConsumer;
    readonly hooks: AttemptHooks;
    readonly liveness: Liveness;
    /** When the request was sent: the first-byte clock counts from there. */
    readonly startedAtMs: number;
    /** Given only where streaming is to be debugged. */
    readonly debugLog: Log | undefined;
  }) {
    this.#reply = options.reply;
    this.#consumer = options.consumer;
    this.#hooks = options.hooks;
    this.#liveness = options.liveness;
    this.#debugLog = options.debugLog;
    this.startedAtMs = options.startedAtMs;
    this.lastWriteAtMs = options.liveness.now();
  }

  /** The model that is really asked. */
  get model(): string {
    return this.#reply.model;
  }

  /** Of a reply whose frames are passed on. */
  get passThrough(): PassThrough | undefined {
    return this.#reply.passThrough;
  }

  /** Resolves at the first semantic event or the clean end; rejects when the reply failed before either. */
  run(): Promise<void> {
    this.#liveness.watch(this);
    this.#reply.body.start(this);
    return this.#begun.promise;
  }

  chunk(bytes: Uint8Array): void {
    if (this.#state === "ended") return;
    const nowMs = this.#liveness.now();
    this.lastByteAtMs = nowMs;
    this.#receivedBytes += bytes.length;
    this.#receivedChunks++;
    try {
      this.#reply.decoder.feed(bytes, this.#onEvent);
    } catch (error) {
      this.expire(toGatewayError(error));
    }
    if (this.#debugLog !== undefined) this.#tellChunk(bytes, this.#debugLog);
    if (this.#state === "running") this.#flush(nowMs);
  }

  end(): void {
    this.#isBodyOver = true;
    if (this.#state === "ended") clearTimeout(this.#bodyTimer);
    else this.#endDecoder(this.#onEvent);
    this.#debugLog?.info("end of the upstream's stream, carry flushed", { carry: this.#reply.decoder.pendingBytes });
    if (this.#state === "leaving") this.#finishLeaving();
  }

  #endDecoder(emit: (event: UpstreamEvent) => void): void {
    try {
      this.#reply.decoder.end(emit);
    } catch (error) {
      this.expire(toGatewayError(error));
    }
  }

  fail(cause: unknown): void {
    this.#interruption = connectionBroke(cause);
    // Whatever was received whole still counts, the finish above all.
    this.end();
  }

  /** The client reads again. */
  resume(): void {
    if (this.pausedAtMs === undefined) return;
    this.pausedAtMs = undefined;
    // The pause was the client's: the upstream's silence counts from now on.
    if (this.lastByteAtMs !== undefined) this.lastByteAtMs = this.#liveness.now();
    this.#reply.body.resume();
  }

  /** The client has left. What the upstream has finished stays finished. */
  abort(): void {
    if (this.#state !== "running" && this.#state !== "recovering") return;
    this.#state = "leaving";
    this.#liveness.unwatch(this);
    if (this.#continuation !== undefined || !this.#hooks.isKept) return this.#finishLeaving();
    this.#leaveTimer = setTimeout(() => this.#finishLeaving(), learnMs);
    this.#reply.body.resume();
  }

  expire(error: GatewayError): void {
    if (this.#state !== "running" && this.#state !== "recovering") return;
    this.#end();
    if (this.#hasReachedClient) this.#consumer.fail(error);
    void this.#giveBack("failed", error);
  }

  stalled(error: GatewayError): void {
    // A finish that came is an end, whatever follows or does not. Otherwise the silence is the reason to tell.
    const tellEnd = (event: UpstreamEvent): void => {
      if (event.type !== "reply-error") this.#event(event);
    };
    if (this.#state === "running") this.#endDecoder(tellEnd);
    this.expire(error);
  }

  heartbeat(nowMs: number): void {
    if (this.#consumer.heartbeat()) this.lastWriteAtMs = nowMs;
  }

  cut(): void {
    this.#consumer.fail(clientStalled());
    this.#hooks.abandoned();
    this.abort();
  }

  #tellChunk(bytes: Uint8Array, debugLog: Log): void {
    debugLog.info("chunk", {
      bytes: bytes.length,
      lines: countLines(bytes),
      carry: this.#reply.decoder.pendingBytes,
    });
  }

  #flush(nowMs: number): void {
    if (this.#consumer.flush()) this.lastWriteAtMs = nowMs;
    if (this.#consumer.wantsMore) return;
    this.pausedAtMs ??= nowMs;
    this.#reply.body.pause();
  }

  get #hasReachedClient(): boolean {
    return this.#hasBegun && !this.#consumer.canRestart;
  }

  #event(event: UpstreamEvent): void {
    if (this.#state === "ended") return;
    switch (event.type) {
      case "reply-start":
        this.#start(event.continuation);
        return;
      case "usage-update":
        this.#usage = event.usage;
        return;
      case "frames":
        if (this.#state !== "running") return;
        if (event.isSemantic) this.#begin();
        this.#consumer.event(event);
        return;
      case "reply-end":
        if (event.continuation !== undefined) this.#continuation = event.continuation;
        if (this.#state === "leaving") return this.#finishLeaving();
        if (!this.#hasBegun && this.#hooks.repeatsEmpty()) return this.expire(emptyAnswer());
        void this.#complete(event.finishReason);
        return;
      case "reply-error":
        if (this.#state === "leaving") return this.#finishLeaving();
        this.#noteUnsaid(event.error);
        if (this.#isBodyOver) return this.#interrupt(this.#interruption ?? event.error);
        return this.expire(event.error);
      default:
        if (this.#state === "running") {
          this.#begin();
          this.#consumer.event(event);
        }
    }
  }

  /** An error before any word was told in place of an answer, unless one is held until it is checked. */
  #noteUnsaid({ kind }: GatewayError): void {
    if (this.#hasBegun || this.#usage !== undefined) return;
    const { pendingBytes } = this.#reply.decoder;
    if (kind === "answer-unfit") this.#unfitTokens = estimatedTokensOf(pendingBytes);
    else this.#isRefused = pendingBytes === 0 && !this.#isBodyOver;
  }

  #start(continuation: Continuation | undefined): void {
    if (continuation === undefined) return;
    this.#continuation = continuation;
    if (this.#state === "leaving") return this.#finishLeaving();
    this.#noted = this.#hooks.started(this.#reply, continuation);
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#hooks.firstToken();
    // Whoever has seen words of a reply may count on its being stopped, even if the gateway is killed now.
    if (!this.#hasReachedClient) return;
    if (this.#noted === undefined) this.#begun.resolve();
    else void this.#noted.then(this.#begun.resolve);
  }

  /** The body is over and its reply is not. What has not begun is asked for anew; the rest of what has may be stored. */
  #interrupt(error: GatewayError): void {
    if (!this.#hasBegun || this.#reply.recover === undefined) return this.expire(error);
    this.#state = "recovering";
    this.lastByteAtMs = this.#liveness.now();
    this.#flush(this.lastByteAtMs);
    this.#reply.recover(this.#consumer.sent).then(
      (rest) => this.#recovered(rest, error),
      // The client is told why its answer broke off, not why it could not be mended.
      () => this.#recovered(undefined, error),
    );
  }

  #recovered(rest: string | undefined, error: GatewayError): void {
    if (this.#state !== "recovering") return;
    this.#state = "running";
    if (rest === undefined) return this.expire(error);
    if (rest !== "") {
      this.#countRest(rest);
      this.#event({ type: "text-delta", text: jsonText(rest) });
    }
    this.#event({ type: "reply-end", finishReason: "stop" });
  }

  /** What was told by then is of what had come by then. */
  #countRest(rest: string): void {
    if (this.#usage === undefined) return;
    const tokens = estimateTokens(rest);
    const { outputTokens, totalTokens } = this.#usage;
    const counted = { outputTokens: outputTokens + tokens, totalTokens: totalTokens + tokens };
    this.#usage = { ...this.#usage, ...counted, estimated: true };
  }

  /** The upstream's end decides: from here on a hang-up changes nothing. */
  async #complete(finishReason: FinishReason): Promise<void> {
    this.#end();
    // The body's end follows the finish closely: read up to it, the connection serves the next turn.
    if (!this.#isBodyOver) this.#reply.body.resume();
    let settleMs = 0;
    try {
      settleMs = await this.#reply.onEnd("complete");
    } catch {
      // The answer is whole all the same.
    }
    if (!this.#isBodyOver) this.#limitBodyEnd();
    try {
      this.#consumer.settle(this.#reply.passThrough);
      const usage = this.#hooks.usageOf(this.#usage);
      await this.#hooks.commit(this.#continuation, settleMs);
      this.#consumer.complete(finishReason, usage, this.#reply.passThrough);
      await this.#hooks.ended({ ...this.#endOf("complete", undefined, settleMs, usage), finishReason });
      this.#begun.resolve();
    } catch (cause) {
      // A fault of our own: nobody may wait for an end that will not come.
      const error = toGatewayError(cause);
      if (this.#hasReachedClient) this.#consumer.fail(error);
      await this.#hooks.ended(this.#endOf("failed", error, settleMs));
      this.#begun.reject(error);
    }
  }

  #limitBodyEnd(): void {
    this.#bodyTimer = setTimeout(() => this.#reply.body.cancel(), bodyEndMs);
    this.#bodyTimer.unref();
  }

  #finishLeaving(): void {
    if (this.#state !== "leaving") return;
    clearTimeout(this.#leaveTimer);
    this.#end();
    void this.#giveBack("aborted", undefined);
  }

  async #giveBack(outcome: "failed" | "aborted", error: GatewayError | undefined): Promise<void> {
    // A stop call that fails leaves the chat to settle by itself.
    const settleMs = await this.#reply.onEnd(outcome, error).catch(() => learnMs);
    await this.#hooks.ended(this.#endOf(outcome, error, settleMs));
    this.#begun.reject(error ?? clientLeft());
  }

  #endOf(
    outcome: ReplyOutcome,
    error: GatewayError | undefined,
    settleMs: number,
    usage: TokenUsage | undefined = this.#usage,
  ): AttemptEnd {
    return {
      outcome,
      hasBegun: outcome === "complete" || this.#hasReachedClient,
      usage,
      error,
      isRefused: this.#isRefused,
      unfitTokens: this.#unfitTokens,
      settleMs,
      receivedBytes: this.#receivedBytes,
      receivedChunks: this.#receivedChunks,
    };
  }

  #end(): void {
    this.#state = "ended";
    this.#liveness.unwatch(this);
  }
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}
