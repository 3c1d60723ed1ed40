// Whether an upstream takes one more request now, and if not, when: its limits as they are set and as its server tells.

import type { ToldLimits, UpstreamLimits } from "../../contract/limits.ts";
import { Ramp } from "./ramp.ts";
import { RateWindow } from "./rate-window.ts";
import { type Load, ToldAllowances } from "./told-allowances.ts";

/** A limit that was learned from a refusal is tried again after so long. */
const learnedConcurrentMs = 60_000;
const learnedRampMs = 600_000;
const learnedRampPerSecond = 1;

/** Figures of the reply durations, newest first in weight. */
const newestWeight = 0.2;
const fewestDurations = 5;

export class LimitsInForce {
  readonly #limits: UpstreamLimits;
  readonly #requests: readonly RateWindow[];
  readonly #tokens: readonly RateWindow[];
  readonly #told = new ToldAllowances();
  #ramp: Ramp | undefined;
  #rampUntilMs = Number.POSITIVE_INFINITY;
  #learnedConcurrent = Number.POSITIVE_INFINITY;
  #learnedUntilMs = 0;
  #meanMs = 0;
  #durations = 0;

  constructor(limits: UpstreamLimits) {
    this.#limits = limits;
    this.#requests = limits.requests.map((rate) => new RateWindow(rate));
    this.#tokens = limits.tokens.map((rate) => new RateWindow(rate));
    if (limits.rampPerSecond !== undefined) this.#ramp = new Ramp(limits.rampPerSecond);
  }

  /** False: how long a prompt is need not be known. */
  get countsTokens(): boolean {
    return this.#tokens.length > 0 || this.#told.countsTokens;
  }

  maxConcurrent(nowMs: number): number {
    const learned = nowMs < this.#learnedUntilMs ? this.#learnedConcurrent : Number.POSITIVE_INFINITY;
    return Math.min(this.#limits.maxConcurrent ?? Number.POSITIVE_INFINITY, learned);
  }

  /** Milliseconds until the rates that hold for all its models take one more. */
  sharedMs(tokens: number, nowMs: number): number {
    if (nowMs >= this.#rampUntilMs) this.#ramp = undefined;
    let waitMs = this.#ramp?.waitMs(nowMs) ?? 0;
    for (const window of this.#requests) waitMs = Math.max(waitMs, window.waitMs(1, nowMs));
    for (const window of this.#tokens) waitMs = Math.max(waitMs, window.waitMs(tokens, nowMs));
    return waitMs;
  }

  /** Milliseconds until this model takes so much. */
  modelMs(model: string, load: Load, nowMs: number): number {
    return this.#told.waitMs(model, load, nowMs);
  }

  /** Milliseconds until the rates have taken so much more in all, the ramp left aside. */
  spreadMs(load: Load, nowMs: number): number {
    let waitMs = 0;
    for (const window of this.#requests) waitMs = Math.max(waitMs, window.spreadMs(load.requests, nowMs));
    for (const window of this.#tokens) waitMs = Math.max(waitMs, window.spreadMs(load.tokens, nowMs));
    return waitMs;
  }

  /** Milliseconds until so many running replies will have ended, by how long they took so far. Undefined: too few have. */
  endsMs(replies: number, nowMs: number): number | undefined {
    const most = this.maxConcurrent(nowMs);
    if (most === Number.POSITIVE_INFINITY) return 0;
    return this.#durations < fewestDurations ? undefined : (replies * this.#meanMs) / most;
  }

  take(model: string, tokens: number, nowMs: number): void {
    this.#ramp?.add(nowMs);
    for (const window of this.#requests) window.add(1, nowMs);
    for (const window of this.#tokens) window.add(tokens, nowMs);
    this.#told.take(model, { requests: 1, tokens });
  }

  /** A reply is over. @param difference how many tokens more, or fewer, it took than were thought */
  end(difference: number, takenAtMs: number, nowMs: number): void {
    for (const window of this.#tokens) window.correct(difference, takenAtMs, nowMs);
    this.#durations++;
    this.#meanMs += (nowMs - takenAtMs - this.#meanMs) * (this.#durations === 1 ? 1 : newestWeight);
  }

  /** @param unanswered what was sent and has not been answered; @param running replies that run, with the one that tells */
  note(model: string, told: ToldLimits, unanswered: Load, running: number, nowMs: number): void {
    const { pauseMs = 0, ...rest } = told;
    // What takes longer than anybody may wait, the upstream refuses by itself, and says why.
    this.#told.note(model, pauseMs > this.#limits.queueWaitMs ? rest : told, unanswered, nowMs);
    if (told.tooMany === true) {
      this.#learnedConcurrent = Math.max(running - 1, 1);
      this.#learnedUntilMs = nowMs + learnedConcurrentMs;
    }
    if (told.tooSudden !== true || this.#limits.rampPerSecond !== undefined) return;
    this.#ramp ??= new Ramp(learnedRampPerSecond);
    this.#rampUntilMs = nowMs + learnedRampMs;
  }
}
