// What a pipeline is made of: steps that say events, what they are given, and how pipelines are composed by name.

import type { ChatSource, ChatStreamEvent } from "../contract/chat-stream.ts";
import type { FinishReason, TokenUsage } from "../contract/events.ts";
import type { ContentPart, Message } from "../contract/chat-request.ts";
import type { Log } from "../telemetry/log.ts";

/** Frames of a reply that are written already: nobody needs to see its tokens one by one. */
export interface WrittenFrames {
  readonly isWritten: true;
  /** Whole frames, one at least. */
  readonly bytes: Uint8Array;
}

/** All frames of a reply, handed on at once: whoever reads the answer asks for them, past the steps. */
export interface RelayedReply {
  readonly isWritten: true;
  /** Whole frames, one at least. Undefined: that was all, for now and ever. */
  next(): Promise<Uint8Array | undefined>;
}

export function isWritten(event: StepEvent): event is WrittenFrames | RelayedReply {
  return "isWritten" in event;
}

/** What a step may say: events, and what `generate` and `relay` give. */
export type StepEvent = ChatStreamEvent | WrittenFrames | RelayedReply;

/**
 * What the steps before have found; each step may change it for those behind. What they say of sources, tokens and
 * thoughts is noted for them.
 */
export interface PipelineState {
  /** What to look for. The message itself until a step knows better. */
  query: string;
  /** Whether documents may help: false for a greeting. */
  needsDocuments: boolean;
  sources: readonly ChatSource[];
  answer: string;
  reasoning: string;
  finishReason: FinishReason | undefined;
  usage: TokenUsage | undefined;
  /** Who answered. */
  upstream: string | undefined;
  /** By which model: the one that was asked for, or the default of that upstream. */
  model: string | undefined;
}

export interface SideQuestion {
  /** What the model is told to do. */
  readonly system: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly timeoutMs: number;
}

export interface StepContext {
  /** What the person has said. */
  readonly message: string;
  /** The same with its attachments. */
  readonly content: readonly ContentPart[];
  /** What was said before it, oldest first. */
  readonly history: readonly Message[];
  readonly sessionId: string;
  readonly caller: string;
  /** Of the request; undefined asks for the default. */
  readonly model: string | undefined;
  readonly options: ChatOptions;
  readonly state: PipelineState;
  /** Aborted when nobody wants the answer any more. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Pieces of the caller's documents, the best first; none where there are no documents. */
  searchDocuments(query: string, limit: number): Promise<readonly ChatSource[]>;
  /** Asks the model something beside the conversation. @throws {GatewayError} */
  ask(question: SideQuestion): Promise<string>;
  /** Has the conversation answered: frames as they come, while `state` takes what was said. @throws {GatewayError} */
  generate(instructions: readonly string[]): AsyncIterable<WrittenFrames>;
  /**
   * The same for steps that have nothing to say meanwhile: the whole reply is one event to be yielded, at a fraction of the
   * cost. What is left of it when the step goes on is left out.
   */
  relay(instructions: readonly string[]): AsyncIterable<RelayedReply>;
}

/** What a request may choose. Undefined: as the settings say. */
export interface ChatOptions {
  readonly reasoning?: boolean;
  readonly web_search?: boolean;
  readonly analysis?: boolean;
  readonly quality?: boolean;
  readonly follow_ups?: boolean;
  readonly max_tokens?: number;
  readonly temperature?: number;
}

export interface Step {
  /** Names the step; by convention also the stage that it emits. */
  readonly name: string;
  run(context: StepContext): AsyncIterable<StepEvent>;
}

export interface Pipeline {
  readonly steps: readonly Step[];
  /** @throws {RangeError} when there is no step of that name */
  without(name: string): Pipeline;
  /** @throws {RangeError} when there is no step of that name */
  replace(name: string, step: Step): Pipeline;
  /** @throws {RangeError} when there is no step of that name */
  insert(step: Step, place: { readonly before: string } | { readonly after: string }): Pipeline;
}

/**
 * A pipeline of steps that run one after the other.
 * @throws {RangeError} when there is no step, or two of one name
 * @example definePipeline([queryAnalysis(), retrieval(), generation()])
 */
export function definePipeline(given: readonly Step[]): Pipeline {
  const steps = [...given];
  if (steps.length === 0) throw new RangeError("Cannot define a pipeline: it has no steps");
  const names = steps.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new RangeError(`Cannot define a pipeline: "${twice}" is in it twice`);

  function placeOf(name: string): number {
    const index = names.indexOf(name);
    if (index < 0)
      throw new RangeError(`Cannot change the pipeline: it has no step "${name}", only ${names.join(", ")}`);
    return index;
  }

  return {
    steps,
    without: (name) => definePipeline(steps.toSpliced(placeOf(name), 1)),
    replace: (name, step) => definePipeline(steps.with(placeOf(name), step)),
    insert(step, place) {
      const index = "before" in place ? placeOf(place.before) : placeOf(place.after) + 1;
      return definePipeline(steps.toSpliced(index, 0, step));
    },
  };
}

/** What the node of a graph gives: its parts become events, in the order of this type. Empty: it has nothing to tell. */
export interface NodeResult {
  readonly sources?: readonly ChatSource[];
  /** The whole text, or its pieces. */
  readonly answer?: string | AsyncIterable<string>;
  readonly quality_score?: number;
  readonly follow_up_questions?: readonly string[];
}

/**
 * A step out of a plain function, as the nodes of a graph are written: its stage is told for it.
 * @param work what it returns is told as events
 */
export function defineNode(name: string, work: (context: StepContext) => NodeResult | Promise<NodeResult>): Step {
  return {
    name,
    async *run(context) {
      yield { stage: name };
      yield* eventsOf(await work(context));
    },
  };
}

async function* eventsOf(result: NodeResult): AsyncIterable<StepEvent> {
  if (result.sources !== undefined) yield { sources: result.sources };
  if (result.answer !== undefined) {
    // Also a text that comes in one piece is a token.
    const pieces = typeof result.answer === "string" ? [result.answer] : result.answer;
    for await (const token of pieces) yield { token };
  }
  if (result.quality_score !== undefined) yield { quality_score: result.quality_score };
  if (result.follow_up_questions !== undefined) yield { follow_up_questions: result.follow_up_questions };
}
