// The place of one forwarded exchange in the lines of its upstreams: who takes it without waiting, and what it holds there.

import type { LimitListener, ToldLimits } from "../../contract/limits.ts";
import type { Candidate } from "../candidates/model-routes.ts";
import type { Pass } from "../queues/queue-pass.ts";
import { modelOf, type UpstreamQueues } from "../queues/upstream-queues.ts";
import type { ForwardClock } from "./forward-clock.ts";

export interface ForwardPlaceOptions {
  readonly queues: UpstreamQueues;
  readonly caller: string;
  readonly clock: ForwardClock;
  /** Of the body, as far as it is text; 0 where it is none. */
  readonly textBytes: number;
}

/** Of texts in Latin script and JSON around them; corrected by what the answer tells. */
const bytesPerToken = 4;

export class ForwardPlace implements LimitListener {
  readonly #options: ForwardPlaceOptions;
  readonly #tokens: number;
  #pass: Pass | undefined;
  #waitedMs = 0;

  constructor(options: ForwardPlaceOptions) {
    this.#options = options;
    this.#tokens = Math.ceil(options.textBytes / bytesPerToken);
  }

  /** All waits so far, in milliseconds. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** Those that take the request at once go first. */
  order<One extends Candidate>(candidates: readonly One[]): readonly One[] {
    if (candidates.length < 2) return candidates;
    const free = candidates.filter((one) => this.#options.queues.of(one.upstream).isFree(modelOf(one), this.#tokens));
    return [...free, ...candidates.filter((one) => !free.includes(one))];
  }

  /** @throws what `UpstreamQueue.enter` throws */
  async enter(candidate: Candidate, deadlineMs: number): Promise<void> {
    const { queues, caller, clock } = this.#options;
    this.leave();
    // The line has a limit of its own: nobody is silent who has not been asked.
    clock.rest();
    this.#pass = await queues.of(candidate.upstream).enter({
      caller,
      model: modelOf(candidate),
      tokens: this.#tokens,
      signal: clock.signal,
      maxWaitMs: deadlineMs - Date.now(),
    });
    this.#waitedMs += this.#pass.waitedMs;
  }

  told(limits: ToldLimits): void {
    this.#pass?.told(limits);
  }

  /** The attempt is over. @param tokens that it took; undefined where nobody knows */
  leave(tokens?: number): void {
    this.#pass?.leave(tokens);
    this.#pass = undefined;
  }
}
