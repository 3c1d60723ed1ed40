// Whether an upstream answers, learned from the requests that pass anyway, and from health checks where there are any.

import { type ErrorKind, type GatewayError, toGatewayError } from "../contract/gateway-error.ts";
import type { Clock } from "../contract/clock.ts";
import type { ForwardedAnswer } from "../contract/forward.ts";
import type { Upstream, UpstreamReply } from "../contract/upstream.ts";

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
  let seen: Reachability = { state: "unknown", lastAnswerAtMs: undefined, lastFailure: undefined };

  let hasFailedCheck = false;

  function noteAnswer(): void {
    hasFailedCheck = false;
    seen = { ...seen, state: "answering", lastAnswerAtMs: clock() };
  }

  function noteFailure(kind: ErrorKind): void {
    seen = { ...seen, state: "failing", lastFailure: { atMs: clock(), kind } };
  }

  function noteError({ kind }: GatewayError): void {
    if (isSilence(kind)) noteFailure(kind);
    else if (kind.startsWith("upstream-")) noteAnswer();
  }

  async function watch<Answer>(answered: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    try {
      const answer = await answered;
      noteAnswer();
      return answer;
    } catch (error) {
      // Who ended it says why: a clock of the gateway's own tells of silence, a client that left tells nothing.
      noteError(toGatewayError(signal.aborted ? signal.reason : error));
      throw error;
    }
  }

  /** A server that has accepted a request may fall silent all the same. */
  const watchReply = (reply: UpstreamReply): UpstreamReply => ({
    ...reply,
    onEnd(outcome, error) {
      if (error !== undefined) noteError(error);
      return reply.onEnd(outcome, error);
    },
  });

  const watchAnswer = (answer: ForwardedAnswer): ForwardedAnswer => ({
    ...answer,
    onEnd(error) {
      if (error !== undefined) noteError(error);
      answer.onEnd(error);
    },
  });

  const { forwarding } = upstream;
  return {
    ...upstream,
    open: async (request, context) => watchReply(await watch(upstream.open(request, context), context.signal)),
    ...(forwarding === undefined
      ? {}
      : {
          forwarding: {
            serves: (endpoint) => forwarding.serves(endpoint),
            forward: async (request, context) =>
              watchAnswer(await watch(forwarding.forward(request, context), context.signal)),
          },
        }),
    reachability: () => seen,
    noteCheck(failure) {
      if (failure !== undefined) {
        hasFailedCheck = true;
        noteFailure(failure);
        return;
      }
      // A server may be well by its own word and fail requests all the same: their word counts more, unless checks have
      // seen it go and come back.
      if (seen.state !== "failing" || hasFailedCheck) noteAnswer();
    },
  };
}

function isSilence(kind: ErrorKind): boolean {
  return kind === "upstream-failed" || kind === "upstream-timeout";
}
