// Which candidates are passed over for a while because they fail. Never the last word: when none is well, all are asked.

import type { ErrorKind } from "../../contract/gateway-error.ts";
import { Circuit, type CircuitState, type Trial } from "./circuit.ts";
import type { Candidate } from "./model-routes.ts";

/** What is known of an upstream as a whole, for whoever checks its health. */
export interface UpstreamCircuits {
  /** Of the worst of its models. */
  state(upstream: string): CircuitState;
  /** Whether a request could choose between it and another upstream. */
  hasAlternative(upstream: string): boolean;
  /** All its models are passed over, from now on for the whole time. */
  suspend(upstream: string): void;
  /** It is no longer; one request may try each of its models that is passed over for failures of its own. */
  resume(upstream: string): void;
}

export interface Breaker extends UpstreamCircuits {
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
/** Names of models come from clients: the tables must not grow with them. */
const mostModels = 1000;

interface ModelHealth {
  failuresInRow: number;
  /** Of the newest answers, whether each failed; the oldest first. */
  readonly newest: boolean[];
  readonly circuit: Circuit;
}

interface UpstreamHealth {
  readonly models: Map<string, ModelHealth>;
  /** Opened by health checks alone. */
  readonly circuit: Circuit;
  hasAlternative: boolean;
}

/** What says that a candidate itself is ill. Refusals of one request, or of a key that has others beside it, say nothing. */
const illnesses: ReadonlySet<ErrorKind> = new Set([
  "upstream-failed",
  "upstream-timeout",
  "overloaded",
  "upstream-auth",
]);

export function createBreaker(options: BreakerOptions): Breaker {
  const { openMs, clock } = options;
  /** Upstreams are those of the settings: few. */
  const upstreams = new Map<string, UpstreamHealth>();

  function upstreamOf(name: string): UpstreamHealth {
    let health = upstreams.get(name);
    if (health === undefined) {
      health = { models: new Map(), circuit: new Circuit(), hasAlternative: false };
      upstreams.set(name, health);
    }
    return health;
  }

  function isWell(candidate: Candidate, nowMs: number): boolean {
    const upstream = upstreamOf(candidate.upstream.name);
    return upstream.circuit.admits(nowMs) && modelOf(upstream, candidate).circuit.admits(nowMs);
  }

  return {
    choose(candidates) {
      if (candidates.length < 2) return candidates;
      const first = candidates[0]!;
      if (candidates.some(({ upstream }) => upstream !== first.upstream)) {
        for (const { upstream } of candidates) upstreamOf(upstream.name).hasAlternative = true;
      }
      const nowMs = clock();
      const well = candidates.filter((candidate) => isWell(candidate, nowMs));
      return well.length > 0 ? well : candidates;
    },
    ask(candidate) {
      const upstream = upstreamOf(candidate.upstream.name);
      const model = modelOf(upstream, candidate);
      return new AskedCandidate(options, upstream, model);
    },
    state(name) {
      const { circuit, models } = upstreamOf(name);
      const nowMs = clock();
      const states = new Set(
        [circuit, ...[...models.values()].map((model) => model.circuit)].map((one) => one.state(nowMs)),
      );
      return (["open", "half-open"] as const).find((state) => states.has(state)) ?? "closed";
    },
    hasAlternative: (name) => upstreamOf(name).hasAlternative,
    suspend(name) {
      upstreamOf(name).circuit.open(clock() + openMs);
    },
    resume(name) {
      const { circuit, models } = upstreamOf(name);
      circuit.close();
      for (const model of models.values()) model.circuit.halfOpen(clock());
    },
  };
}

/** A class, so that a request that is being served holds no closures for it. */
class AskedCandidate implements Asked {
  readonly #options: BreakerOptions;
  readonly #upstream: UpstreamHealth;
  readonly #model: ModelHealth;
  readonly #upstreamTrial: Trial | undefined;
  readonly #modelTrial: Trial | undefined;

  constructor(options: BreakerOptions, upstream: UpstreamHealth, model: ModelHealth) {
    this.#options = options;
    this.#upstream = upstream;
    this.#model = model;
    const nowMs = options.clock();
    this.#upstreamTrial = upstream.circuit.enter(nowMs, options.trialMs);
    this.#modelTrial = model.circuit.enter(nowMs, options.trialMs);
  }

  succeeded(): void {
    // What it failed before it was tried again is over.
    if (!this.#model.circuit.isClosed) this.#model.newest.length = 0;
    note(this.#model, false);
    this.#model.circuit.close();
    this.#upstream.circuit.close();
  }

  failed(kind: ErrorKind): void {
    const triedUpstream = this.#upstream.circuit.leave(this.#upstreamTrial);
    const triedModel = this.#model.circuit.leave(this.#modelTrial);
    // A refusal leaves the trial to the next request: whether it is well is not known yet.
    if (!illnesses.has(kind)) return;
    note(this.#model, true);
    const untilMs = this.#options.clock() + this.#options.openMs;
    if (triedUpstream) this.#upstream.circuit.open(untilMs);
    if (triedModel || isIll(this.#model)) this.#model.circuit.open(untilMs);
  }

  left(): void {
    this.#upstream.circuit.leave(this.#upstreamTrial);
    this.#model.circuit.leave(this.#modelTrial);
  }
}

function modelOf({ models }: UpstreamHealth, { model = "" }: Candidate): ModelHealth {
  let health = models.get(model);
  if (health === undefined) {
    health = { failuresInRow: 0, newest: [], circuit: new Circuit() };
    if (models.size < mostModels) models.set(model, health);
  }
  return health;
}

function note(health: ModelHealth, hasFailed: boolean): void {
  health.failuresInRow = hasFailed ? health.failuresInRow + 1 : 0;
  health.newest.push(hasFailed);
  if (health.newest.length > windowSize) health.newest.shift();
}

function isIll({ failuresInRow, newest }: ModelHealth): boolean {
  const failures = newest.filter(Boolean).length;
  return failuresInRow >= mostFailures || (newest.length === windowSize && failures > windowSize * mostFailedShare);
}
