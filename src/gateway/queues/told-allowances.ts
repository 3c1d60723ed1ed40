// What a server has told of its limits, model by model: what is left of them until when, and pauses that it asked for.

import type { ToldAllowance, ToldLimits } from "../../contract/limits.ts";

/** A request, as limits see it. */
export interface Load {
  readonly requests: number;
  readonly tokens: number;
}

interface Allowance {
  remaining: number;
  untilMs: number;
  readonly limit: number | undefined;
}

interface Told {
  pausedUntilMs: number;
  requests: Allowance | undefined;
  tokens: Allowance | undefined;
}

/** Names of models come from clients. */
const mostModels = 100;
/** Allowances are a minute's, unless the server says how long it takes. */
const minuteMs = 60_000;

export class ToldAllowances {
  readonly #byModel = new Map<string, Told>();
  /** Whether any server has told of tokens. */
  countsTokens = false;

  /** Milliseconds until the model takes so much more. */
  waitMs(model: string, load: Load, nowMs: number): number {
    const told = this.#byModel.get(model);
    if (told === undefined) return 0;
    told.requests = renewed(told.requests, nowMs);
    told.tokens = renewed(told.tokens, nowMs);
    return Math.max(
      told.pausedUntilMs - nowMs,
      lackMs(told.requests, load.requests, nowMs),
      lackMs(told.tokens, load.tokens, nowMs),
      0,
    );
  }

  take(model: string, load: Load): void {
    const told = this.#byModel.get(model);
    if (told?.requests !== undefined) told.requests.remaining -= load.requests;
    if (told?.tokens !== undefined) told.tokens.remaining -= load.tokens;
  }

  /** @param unanswered what was sent and is not in the server's count yet */
  note(model: string, { requests, tokens, pauseMs }: ToldLimits, unanswered: Load, nowMs: number): void {
    if (requests === undefined && tokens === undefined && pauseMs === undefined) return;
    let told = this.#byModel.get(model);
    if (told === undefined) {
      if (this.#byModel.size >= mostModels) this.#byModel.clear();
      told = { pausedUntilMs: 0, requests: undefined, tokens: undefined };
      this.#byModel.set(model, told);
    }
    if (pauseMs !== undefined) told.pausedUntilMs = Math.max(told.pausedUntilMs, nowMs + pauseMs);
    told.requests = allowanceOf(requests, unanswered.requests, nowMs) ?? told.requests;
    told.tokens = allowanceOf(tokens, unanswered.tokens, nowMs) ?? told.tokens;
    this.countsTokens ||= tokens !== undefined;
  }
}

function allowanceOf(told: ToldAllowance | undefined, unanswered: number, nowMs: number): Allowance | undefined {
  if (told === undefined) return undefined;
  const { limit, remaining, resetMs } = told;
  return { limit, remaining: remaining - unanswered, untilMs: nowMs + resetMs };
}

/** When its time is over it is whole again; one whose size nobody has told says nothing any more. */
function renewed(allowance: Allowance | undefined, nowMs: number): Allowance | undefined {
  if (allowance === undefined || nowMs < allowance.untilMs) return allowance;
  const { limit } = allowance;
  return limit === undefined ? undefined : { limit, remaining: limit, untilMs: nowMs + minuteMs };
}

/** What is more than the whole allowance needs all of it. */
function lackMs(allowance: Allowance | undefined, amount: number, nowMs: number): number {
  if (allowance === undefined) return 0;
  const needed = Math.min(amount, allowance.limit ?? amount);
  return allowance.remaining >= needed ? 0 : allowance.untilMs - nowMs;
}
