// Whether an upstream answers, learned from the requests that pass anyway, and from health checks where there are any.

import { type ErrorKind, type GatewayError, toGatewayError } from "../contract/gateway-error.ts";
import type { Clock } from "../contract/clock.ts";
import type { ForwardedAnswer } from "../contract/forward.ts";
import type { PassThrough, ReplyEnding, SaidText, Upstream, UpstreamReply } from "../contract/upstream.ts";

export interface Reachability {
  /** By the newest request or check; unknown before the first. A refusal is an answer. */
  readonly state: "unknown" | "answering" | "failing";
  readonly lastAnswerAtMs: number | undefined;
  readonly lastFailure: { readonly atMs: number; readonly kind: ErrorKind } | undefined;
}

export interface WatchedUpstream extends Upstream {
  reachability(): Reachability;
  /** What a health check told. @param failure undefined: it is ready */
  noteCheck(failure: ErrorKind | undefined): void;
}

export function watchUpstream(upstream: Upstream, clock: Clock): WatchedUpstream {
  const watch = new Watch(clock);
  const { forwarding } = upstream;
  return {
    ...upstream,
    async open(request, context) {
      try {
        const reply = await upstream.open(request, context);
        watch.noteAnswer();
        return new WatchedReply(reply, watch);
      } catch (error) {
        watch.noteRefusal(error, context.signal);
        throw error;
      }
    },
    ...(forwarding === undefined
      ? {}
      : {
          forwarding: {
            serves: (endpoint) => forwarding.serves(endpoint),
            async forward(request, context) {
              try {
                const answer = await forwarding.forward(request, context);
                watch.noteAnswer();
                return watchAnswer(answer, watch);
              } catch (error) {
                watch.noteRefusal(error, context.signal);
                throw error;
              }
            },
          },
        }),
    reachability: () => watch.seen(),
    noteCheck: (failure) => watch.noteCheck(failure),
  };
}

/** What was seen of one upstream. */
class Watch {
  readonly #clock: Clock;
  #state: Reachability["state"] = "unknown";
  #lastAnswerAtMs: number | undefined;
  #lastFailure: Reachability["lastFailure"];
  #hasFailedCheck = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  seen(): Reachability {
    return { state: this.#state, lastAnswerAtMs: this.#lastAnswerAtMs, lastFailure: this.#lastFailure };
  }

  noteAnswer(): void {
    this.#hasFailedCheck = false;
    this.#state = "answering";
    this.#lastAnswerAtMs = this.#clock();
  }

  /** Who ended it says why: a clock of the gateway's own tells of silence, a client that left tells nothing. */
  noteRefusal(error: unknown, signal: AbortSignal): void {
    this.noteError(toGatewayError(signal.aborted ? signal.reason : error));
  }

  noteError({ kind }: GatewayError): void {
    if (isSilence(kind)) this.#noteFailure(kind);
    else if (kind.startsWith("upstream-")) this.noteAnswer();
  }

  noteCheck(failure: ErrorKind | undefined): void {
    if (failure !== undefined) {
      this.#hasFailedCheck = true;
      this.#noteFailure(failure);
      return;
    }
    // A server may be well by its own word and fail requests all the same: their word counts more, unless checks have
    // seen it go and come back.
    if (this.#state !== "failing" || this.#hasFailedCheck) this.noteAnswer();
  }

  #noteFailure(kind: ErrorKind): void {
    this.#state = "failing";
    this.#lastFailure = { atMs: this.#clock(), kind };
  }
}

/** A server that has accepted a request may fall silent all the same. */
class WatchedReply implements UpstreamReply {
  readonly account: string;
  readonly model: string;
  readonly body: UpstreamReply["body"];
  readonly decoder: UpstreamReply["decoder"];
  readonly passThrough?: PassThrough;
  readonly cutAt?: readonly string[];
  readonly recover?: (said: SaidText) => Promise<string | undefined>;
  readonly #reply: UpstreamReply;
  readonly #watch: Watch;

  constructor(reply: UpstreamReply, watch: Watch) {
    this.account = reply.account;
    this.model = reply.model;
    this.body = reply.body;
    this.decoder = reply.decoder;
    if (reply.passThrough !== undefined) this.passThrough = reply.passThrough;
    if (reply.cutAt !== undefined) this.cutAt = reply.cutAt;
    if (reply.recover !== undefined) this.recover = (said) => this.#reply.recover!(said);
    this.#reply = reply;
    this.#watch = watch;
  }

  onEnd(ending: ReplyEnding, error?: GatewayError): Promise<number> {
    if (error !== undefined) this.#watch.noteError(error);
    return this.#reply.onEnd(ending, error);
  }
}

function watchAnswer(answer: ForwardedAnswer, watch: Watch): ForwardedAnswer {
  return {
    ...answer,
    onEnd(error) {
      if (error !== undefined) watch.noteError(error);
      answer.onEnd(error);
    },
  };
}

function isSilence(kind: ErrorKind): boolean {
  return kind === "upstream-failed" || kind === "upstream-timeout";
}
