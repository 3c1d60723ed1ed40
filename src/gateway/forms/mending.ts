// An answer that is not what was demanded, and the question that mends it: once an exchange, in the same chat where there
// is one, and only while the client has seen nothing.

import type { Continuation } from "../../contract/continuation.ts";
import type { ChatRequest, Message } from "../../contract/chat-request.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { Resume, UpstreamReply } from "../../contract/upstream.ts";
import type { Candidate } from "../candidates/model-routes.ts";

/** What an exchange demands of its answer besides its being one. */
export interface AnswerDemand {
  /** Runs an attempt, and once more when its answer has to be mended. */
  attempt(candidate: Candidate, run: DemandedRun): Promise<void>;
  /** The request as it is to be sent now. */
  ask(whole: ChatRequest): ChatRequest;
  /** Where that goes on; undefined: where the turn does. @param before where that is */
  resumeFor(asked: ChatRequest, before: Resume | undefined): Resume | undefined;
  /** The reply with nothing in it but what was demanded. */
  read(reply: UpstreamReply): UpstreamReply;
}

/** How an attempt is made. */
export interface DemandedRun {
  /** Sends what `ask` gives, and reads it by `read`. */
  tryOnce(): Promise<void>;
  mayRepeat(): boolean;
  /** Whether an answer without a word is asked for anew, as it is of anybody: once. */
  repeatsEmpty(): boolean;
  /** What was asked failed by that, and is asked for once more. */
  repeats(error: unknown): void;
}

export interface Miss {
  /** The answer as it was, and the question behind it. */
  readonly messages: readonly [Message, ...Message[]];
  /** Where the chat stands behind the answer. */
  readonly continuation: Continuation | undefined;
  readonly account: string;
}

export class Mending {
  #mayRepeat: () => boolean = () => false;
  #candidate: Candidate | undefined;
  #miss: Miss | undefined;
  #resume: Resume | undefined;
  #hasMended = false;

  /**
   * A candidate is asked: what another one has missed is none of its answers.
   * @returns whether it is another one than before
   */
  begin(candidate: Candidate, mayRepeat: () => boolean): boolean {
    this.#mayRepeat = mayRepeat;
    if (candidate === this.#candidate) return false;
    this.#candidate = candidate;
    this.#miss = undefined;
    this.#resume = undefined;
    return true;
  }

  /** Whether an answer that misses is asked for once more. */
  get mayMend(): boolean {
    return !this.#hasMended && this.#mayRepeat();
  }

  note(miss: Miss): void {
    this.#miss = miss;
    this.#resume = undefined;
  }

  /** An attempt has failed. @returns whether the next one mends it */
  next(): boolean {
    if (this.#miss === undefined || !this.mayMend) return false;
    this.#hasMended = true;
    return true;
  }

  /** What the next attempt mends. */
  get miss(): Miss | undefined {
    return this.#hasMended ? this.#miss : undefined;
  }

  /** One and the same for all attempts: an upstream remembers by it what it has tried. */
  resumeFor({ messages }: ChatRequest, before: Resume | undefined): Resume | undefined {
    const { miss } = this;
    if (miss?.continuation === undefined) return undefined;
    this.#resume ??= {
      continuation: miss.continuation,
      account: miss.account,
      // All but the answer itself.
      unseenFrom: messages.length - miss.messages.length + 1,
      unseenSystem: [],
      systemChange: "none",
      tools: "known",
      interrupted: undefined,
      readyAtMs: 0,
      mends: before,
    };
    return this.#resume;
  }
}

/** A client that asks again costs another two answers, and is told so. */
export function unfit(problem: string): GatewayError {
  return new GatewayError("answer-unfit", `The model did not answer in the form that was asked for: ${problem}`, {
    final: true,
  });
}
