// Which candidate is asked next, in which words, and after which failure; and which failure speaks for all of them.

import type { ChatRequest, Message } from "../../contract/chat-request.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { Candidate } from "./model-routes.ts";

/** The same request in the candidate's words. */
export function requestFor({ model }: Candidate, request: ChatRequest, recalled: readonly Message[]): ChatRequest {
  if (recalled.length > 0) return { ...request, model, messages: [...recalled, ...request.messages] };
  return model === request.model ? request : { ...request, model };
}

/** What has seen the conversation goes before what would have to be told all of it. */
export function keeperFirst(candidates: readonly Candidate[], keeper: string | undefined): readonly Candidate[] {
  const at = candidates.findIndex(({ upstream }) => upstream.name === keeper);
  const kept = candidates[at];
  return at <= 0 || kept === undefined ? candidates : [kept, ...candidates.filter((_, index) => index !== at)];
}

/** The candidates of one round, one after the other. */
export interface Round<One> {
  /** @param failure of the one before; undefined for the first. @returns undefined: nobody is left */
  next(failure?: GatewayError): One | undefined;
}

/**
 * @param candidates those that are well first
 * @param choose who of these is well; undefined: nobody knows. Asked before each but the first, since others may have begun
 * meanwhile to try a candidate that one request is to try. Of those that refused for good it is not told: where nobody
 * else can serve, nothing is passed over
 */
export function createRound<One extends Candidate>(
  candidates: readonly One[],
  choose: ((able: readonly One[]) => readonly Candidate[]) | undefined,
): Round<One> {
  let position = 0;
  let able = candidates;
  return {
    next(failure) {
      if (failure?.retryable === false) able = able.filter((candidate) => candidate !== candidates[position - 1]);
      while (position < candidates.length) {
        const candidate = candidates[position++]!;
        if (position === 1 || choose?.(able).includes(candidate) !== false) return candidate;
      }
      return undefined;
    },
  };
}

/** A fault of our own is no better the second time. */
export function mayBeRepeated(error: unknown): boolean {
  return error instanceof GatewayError && error.retryable;
}

/** What another upstream may do better: a fault of this one, a limit of its accounts, a model that it does not have. */
export function isWorthMoving(error: GatewayError): boolean {
  switch (error.kind) {
    case "upstream-failed":
    case "upstream-auth":
    case "upstream-quota":
    case "upstream-challenge":
    case "upstream-timeout":
    case "overloaded":
    case "rate-limited":
    case "model-not-found":
      return true;
    default:
      return error.retryable;
  }
}

/**
 * Of two candidates that failed, what is told and repeated: the failure that passes by itself, and of two such the one
 * that passes sooner. Of two that stay, the later; that somebody lacks an endpoint says nothing of those that have it.
 */
export function moreHopeful(former: unknown, later: unknown): unknown {
  const [one, other] = [hopeOf(former), hopeOf(later)];
  if (one !== other) return one > other ? former : later;
  return waitOf(former) < waitOf(later) ? former : later;
}

/** Repeated here, by the client in a while, by nobody, not even said by a server that could. */
function hopeOf(error: unknown): number {
  if (!(error instanceof GatewayError)) return 1;
  if (error.retryable) return 3;
  if (error.retryAfterMs !== undefined && !error.final) return 2;
  return error.kind === "not-served" ? 0 : 1;
}

function waitOf(error: unknown): number {
  return error instanceof GatewayError && !error.atOnce ? (error.retryAfterMs ?? 0) : 0;
}
