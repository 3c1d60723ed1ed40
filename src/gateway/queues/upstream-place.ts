// The place of one exchange at its upstreams: which one it asks without waiting, where it waits, and what it holds while
// an attempt runs.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { LimitListener, ToldLimits } from "../../contract/limits.ts";
import { estimatePrompt } from "../../conversation/estimate-prompt.ts";
import type { Candidate } from "../candidates/model-routes.ts";
import type { Opening } from "../replies/opening.ts";
import type { Pass } from "./queue-pass.ts";
import type { UpstreamQueue } from "./upstream-queue.ts";
import { modelOf, type UpstreamQueues } from "./upstream-queues.ts";

/** A conversation's own upstream is waited for so long before another one is told all of it. */
const ownWaitMs = 15_000;

const nothingToWaitFor = Promise.resolve();

export interface PlaceOptions {
  /** Undefined: nobody ever waits. */
  readonly queues?: UpstreamQueues;
  readonly request: ChatRequest;
  readonly caller: string;
}

export class UpstreamPlace implements LimitListener {
  readonly #options: PlaceOptions;
  readonly #opening: Opening;
  #pass: Pass | undefined;
  #tokens: number | undefined;
  /** The upstream that has seen the conversation, where another one could serve it too. */
  #own: string | undefined;
  #expectedMs = 0;
  #waitedMs = 0;

  /** @param opening ends the waits, and says what the client hears meanwhile */
  constructor(options: PlaceOptions, opening: Opening) {
    this.#options = options;
    this.#opening = opening;
  }

  /** All waits so far, in milliseconds. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** What it waited; as long as it waits, what that will probably be. In whole milliseconds. */
  get tellableMs(): number {
    return Math.ceil(this.#waitedMs + this.#expectedMs);
  }

  /** Those that take the request at once go first. @param own the upstream that has seen the conversation */
  order(candidates: readonly Candidate[], own: string | undefined): readonly Candidate[] {
    if (this.#options.queues === undefined || candidates.length < 2) return candidates;
    const first = candidates[0]!;
    this.#own = own;
    if (this.#isFree(first)) return candidates;
    const isKept = first.upstream.name === own && this.#expected(first) <= ownWaitMs;
    const free = candidates.filter((candidate, index) => (isKept && index === 0) || this.#isFree(candidate));
    return [...free, ...candidates.filter((candidate) => !free.includes(candidate))];
  }

  /** Takes a place, and waits for it where it has to. @throws what `UpstreamQueue.enter` throws */
  enter(candidate: Candidate, deadlineMs: number): Promise<void> {
    const { queues, caller } = this.#options;
    if (queues === undefined) return nothingToWaitFor;
    const queue = queues.of(candidate.upstream);
    const model = modelOf(candidate);
    const tokens = this.#tokensFor(queue);
    const leftMs = deadlineMs - Date.now();
    const maxWaitMs = candidate.upstream.name === this.#own ? Math.min(leftMs, ownWaitMs) : leftMs;
    try {
      const pass = queue.enter({ caller, model, tokens, signal: this.#opening.signal, maxWaitMs });
      if (pass instanceof Promise) return this.#wait(pass, queue.expectedMs(caller, model, tokens));
      this.#pass = pass;
      return nothingToWaitFor;
    } catch (refusal) {
      return Promise.reject(refusal);
    }
  }

  told(limits: ToldLimits): void {
    this.#pass?.told(limits);
  }

  /** The attempt is over. @param tokens that it took; undefined where nobody knows */
  leave(tokens?: number): void {
    this.#pass?.leave(tokens);
    this.#pass = undefined;
  }

  async #wait(pass: Promise<Pass>, expectedMs: number): Promise<void> {
    this.#expectedMs = expectedMs;
    const sinceMs = this.#opening.wait();
    try {
      this.#pass = await pass;
    } finally {
      this.#waitedMs += this.#opening.nowMs - sinceMs;
      this.#expectedMs = 0;
      this.#opening.stop();
    }
  }

  #queueOf(candidate: Candidate): UpstreamQueue | undefined {
    return this.#options.queues?.of(candidate.upstream);
  }

  #isFree(candidate: Candidate): boolean {
    const queue = this.#queueOf(candidate);
    return queue === undefined || queue.isFree(modelOf(candidate), this.#tokensFor(queue));
  }

  #expected(candidate: Candidate): number {
    const queue = this.#queueOf(candidate);
    if (queue === undefined) return 0;
    return queue.expectedMs(this.#options.caller, modelOf(candidate), this.#tokensFor(queue));
  }

  /** A long history is measured only for those who count it, and once. */
  #tokensFor(queue: UpstreamQueue): number {
    if (!queue.countsTokens) return 0;
    this.#tokens ??= estimatePrompt(this.#options.request);
    return this.#tokens;
  }
}
