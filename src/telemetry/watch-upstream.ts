// Whether an upstream answers, learned from the requests that pass anyway: asking it costs nothing and wakes nobody.

import { type ErrorKind, toGatewayError } from "../contract/gateway-error.ts";
import type { Clock } from "../contract/clock.ts";
import type { Upstream } from "../contract/upstream.ts";

export interface Reachability {
  /** By the newest request; unknown before the first. A refusal is an answer. */
  readonly state: "unknown" | "answering" | "failing";
  readonly lastAnswerAtMs: number | undefined;
  readonly lastFailure: { readonly atMs: number; readonly kind: ErrorKind } | undefined;
}

export interface WatchedUpstream extends Upstream {
  reachability(): Reachability;
}

export function watchUpstream(upstream: Upstream, clock: Clock): WatchedUpstream {
  let seen: Reachability = { state: "unknown", lastAnswerAtMs: undefined, lastFailure: undefined };

  function noteAnswer(): void {
    seen = { ...seen, state: "answering", lastAnswerAtMs: clock() };
  }

  async function watch<Answer>(answered: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    try {
      const answer = await answered;
      noteAnswer();
      return answer;
    } catch (error) {
      // A client that left says nothing about the upstream.
      if (signal.aborted) throw error;
      const { kind } = toGatewayError(error);
      if (isSilence(kind)) seen = { ...seen, state: "failing", lastFailure: { atMs: clock(), kind } };
      else if (kind.startsWith("upstream-")) noteAnswer();
      throw error;
    }
  }

  const { forwarding } = upstream;
  return {
    ...upstream,
    open: (request, context) => watch(upstream.open(request, context), context.signal),
    ...(forwarding === undefined
      ? {}
      : {
          forwarding: {
            serves: (endpoint) => forwarding.serves(endpoint),
            forward: (request, context) => watch(forwarding.forward(request, context), context.signal),
          },
        }),
    reachability: () => seen,
  };
}

function isSilence(kind: ErrorKind): boolean {
  return kind === "upstream-failed" || kind === "upstream-timeout";
}
