// Which candidates are passed over for a while because they fail. Never the last word: when none is well, all are asked.

import type { ErrorKind } from "../contract/gateway-error.ts";
import type { Candidate } from "./model-routes.ts";

export interface Breaker {
  /** The candidates that are well, in their order. When none is, all of them. */
  choose(candidates: readonly Candidate[]): readonly Candidate[];
  /** It is about to be asked. If it was passed over before, this request tries it, and others wait for what comes of it. */
  asked(candidate: Candidate): void;
  succeeded(candidate: Candidate): void;
  failed(candidate: Candidate, kind: ErrorKind): void;
}

export interface BreakerOptions {
  /** How long a candidate is passed over before one request tries it again. */
  readonly openMs: number;
  readonly clock: () => number;
}

/** Failures in a row that open it. */
const mostFailures = 5;
/** Or so large a part of this many of its newest answers. */
const windowSize = 20;
const mostFailedShare = 0.5;

interface Health {
  failuresInRow: number;
  /** Of the newest answers, whether each failed; the oldest first. */
  readonly newest: boolean[];
  /** Epoch milliseconds from which one request may try it. Undefined: it is well. */
  retryAtMs: number | undefined;
}

/** What says that a candidate itself is ill. Refusals of one request, or of a key that has others beside it, say nothing. */
const illnesses: ReadonlySet<ErrorKind> = new Set([
  "upstream-failed",
  "upstream-timeout",
  "overloaded",
  "upstream-auth",
]);

export function createBreaker({ openMs, clock }: BreakerOptions): Breaker {
  const known = new Map<string, Health>();

  function healthOf(candidate: Candidate): Health {
    const key = `${candidate.upstream.name}\n${candidate.model ?? ""}`;
    let health = known.get(key);
    if (health === undefined) {
      health = { failuresInRow: 0, newest: [], retryAtMs: undefined };
      // Names of models come from clients: the table must not grow with them.
      if (known.size < mostKnown) known.set(key, health);
    }
    return health;
  }

  function note(health: Health, hasFailed: boolean): void {
    health.newest.push(hasFailed);
    if (health.newest.length > windowSize) health.newest.shift();
  }

  function isIll({ failuresInRow, newest }: Health): boolean {
    const failures = newest.filter(Boolean).length;
    return failuresInRow >= mostFailures || (newest.length === windowSize && failures > windowSize * mostFailedShare);
  }

  return {
    choose(candidates) {
      if (candidates.length < 2) return candidates;
      const nowMs = clock();
      const well = candidates.filter((candidate) => {
        const health = healthOf(candidate);
        return health.retryAtMs === undefined || health.retryAtMs <= nowMs;
      });
      return well.length > 0 ? well : candidates;
    },
    asked(candidate) {
      const health = healthOf(candidate);
      if (health.retryAtMs !== undefined) health.retryAtMs = clock() + openMs;
    },
    succeeded(candidate) {
      const health = healthOf(candidate);
      // What it failed before it was tried again is over.
      if (health.retryAtMs !== undefined) health.newest.length = 0;
      note(health, false);
      health.failuresInRow = 0;
      health.retryAtMs = undefined;
    },
    failed(candidate, kind) {
      if (!illnesses.has(kind)) return;
      const health = healthOf(candidate);
      note(health, true);
      health.failuresInRow++;
      if (isIll(health)) health.retryAtMs = clock() + openMs;
    },
  };
}

const mostKnown = 1000;
