// Which candidates are passed over for a while because they fail. Never the last word: when none is well, all are asked.

import type { ErrorKind } from "../contract/gateway-error.ts";
import { Circuit } from "./circuit.ts";
import type { Candidate } from "./model-routes.ts";

export interface Breaker {
  /** The candidates that are well, in their order. When none is, all of them. */
  choose(candidates: readonly Candidate[]): readonly Candidate[];
  /** It is asked. If it was passed over before, this request tries it, and others wait for what comes of it. */
  ask(candidate: Candidate): Asked;
}

/** One request to one candidate. Exactly one of these is called, once it is known what came of it. */
export interface Asked {
  succeeded(): void;
  failed(kind: ErrorKind): void;
  /** Nobody knows: the client left before. */
  left(): void;
}

export interface BreakerOptions {
  /** How long a candidate is passed over before one request tries it again. */
  readonly openMs: number;
  /** How long a request that tries one keeps the others away: as long as nothing can be known of it. */
  readonly trialMs: number;
  readonly clock: () => number;
}

/** Failures in a row that open it. */
const mostFailures = 5;
/** Or so large a part of this many of its newest answers. */
const windowSize = 20;
const mostFailedShare = 0.5;
/** Names of models come from clients: the table must not grow with them. */
const mostKnown = 1000;

interface Health {
  failuresInRow: number;
  /** Of the newest answers, whether each failed; the oldest first. */
  readonly newest: boolean[];
  readonly circuit: Circuit;
}

/** What says that a candidate itself is ill. Refusals of one request, or of a key that has others beside it, say nothing. */
const illnesses: ReadonlySet<ErrorKind> = new Set([
  "upstream-failed",
  "upstream-timeout",
  "overloaded",
  "upstream-auth",
]);

export function createBreaker({ openMs, trialMs, clock }: BreakerOptions): Breaker {
  const known = new Map<string, Health>();

  function healthOf(candidate: Candidate): Health {
    const key = `${candidate.upstream.name}\n${candidate.model ?? ""}`;
    let health = known.get(key);
    if (health === undefined) {
      health = { failuresInRow: 0, newest: [], circuit: new Circuit() };
      if (known.size < mostKnown) known.set(key, health);
    }
    return health;
  }

  return {
    choose(candidates) {
      if (candidates.length < 2) return candidates;
      const nowMs = clock();
      const well = candidates.filter((candidate) => healthOf(candidate).circuit.admits(nowMs));
      return well.length > 0 ? well : candidates;
    },
    ask(candidate) {
      const health = healthOf(candidate);
      const { circuit } = health;
      const trial = circuit.enter(clock(), trialMs);
      return {
        succeeded() {
          // What it failed before it was tried again is over.
          if (!circuit.isClosed) health.newest.length = 0;
          note(health, false);
          circuit.close();
        },
        failed(kind) {
          const wasTried = circuit.leave(trial);
          // A refusal leaves the trial to the next request: whether it is well is not known yet.
          if (!illnesses.has(kind)) return;
          note(health, true);
          if (wasTried || isIll(health)) circuit.open(clock() + openMs);
        },
        left() {
          circuit.leave(trial);
        },
      };
    },
  };
}

function note(health: Health, hasFailed: boolean): void {
  health.failuresInRow = hasFailed ? health.failuresInRow + 1 : 0;
  health.newest.push(hasFailed);
  if (health.newest.length > windowSize) health.newest.shift();
}

function isIll({ failuresInRow, newest }: Health): boolean {
  const failures = newest.filter(Boolean).length;
  return failuresInRow >= mostFailures || (newest.length === windowSize && failures > windowSize * mostFailedShare);
}
