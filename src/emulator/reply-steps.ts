// One reply as a lazy sequence of steps: events to write, and waits between them. Decides the order of the phases.

import type { Thought, SearchSource } from "./script.ts";
import {
  createdEvent,
  type EventFrame,
  finishEvent,
  imageEvent,
  keepAliveEvent,
  searchCallEvent,
  searchResultEvent,
  textEvent,
  thinkingFinishedEvent,
  thinkingSummaryEvent,
  type UsageCount,
} from "./stream-events.ts";

export type ReplyStep =
  | { readonly type: "event"; readonly text: string; readonly stores?: StoredPiece; readonly isFinish?: boolean }
  /** The connection is reset. */
  | { readonly type: "drop" }
  /** A clean end, whatever is left. */
  | { readonly type: "end" }
  /** Nothing more, or only keep-alive events. */
  | { readonly type: "stall"; readonly keepAliveEveryMs?: number };

/** What a delivered event adds to the stored chat. */
export interface StoredPiece {
  readonly phase: string;
  /** Appended to the phase's text. */
  readonly text: string;
  /** Replaces the phase's extra. */
  readonly thoughts?: readonly Thought[];
}

/** What is said, without how it is written. */
export interface Reply {
  /** Deltas of the answer; may be long, so it is read once and lazily. None: the empty answer. */
  readonly chunks: Iterable<string>;
  readonly thinking:
    | { readonly phase: "think"; readonly chunks: readonly string[] }
    | { readonly phase: "thinking_summary"; readonly thoughts: readonly Thought[] }
    | undefined;
  readonly search:
    { readonly functionId: string; readonly query: string; readonly sources: readonly SearchSource[] } | undefined;
  readonly images: readonly string[];
  readonly inputTokens: number;
  readonly cachedTokens: number;
  /** False: deltas repeat all text so far (`incremental_output: false`). */
  readonly incremental: boolean;
}

/** Tokens that search results add to the input of the second round. */
const searchInputTokens = 2400;

export function* replySteps(reply: Reply, frame: EventFrame): Generator<ReplyStep> {
  yield { type: "event", text: createdEvent(frame) };
  if (reply.images.length > 0) {
    yield* imageSteps(reply.images, frame);
    return;
  }
  let usage: UsageCount = {
    inputTokens: reply.inputTokens,
    outputTokens: 0,
    reasoningTokens: 0,
    cachedTokens: reply.cachedTokens,
  };
  if (reply.thinking?.phase === "think") usage = yield* thinkSteps(reply.thinking.chunks, reply, frame, usage);
  if (reply.thinking?.phase === "thinking_summary") {
    usage = yield* thinkingSummarySteps(reply.thinking.thoughts, frame, usage);
  }
  if (reply.search !== undefined) usage = yield* searchSteps(reply.search, frame, usage);
  yield* answerSteps(reply, frame, usage);
}

/** About what the backend counts: a token is four characters, a delta is at least one. */
export function countTokens(text: string): number {
  return Math.max(1, Math.ceil(text.length / 4));
}

function* answerSteps(reply: Reply, frame: EventFrame, before: UsageCount): Generator<ReplyStep> {
  let usage = before;
  let whole = "";
  let isEmpty = true;
  for (const chunk of reply.chunks) {
    isEmpty = false;
    usage = { ...usage, outputTokens: usage.outputTokens + countTokens(chunk) };
    if (!reply.incremental) whole += chunk;
    const text = textEvent(frame, "answer", reply.incremental ? chunk : whole, usage);
    yield { type: "event", text, stores: { phase: "answer", text: chunk } };
  }
  if (!isEmpty) {
    // As in all captures: two deltas without text carry the final usage.
    const text = textEvent(frame, "answer", whole, usage);
    yield { type: "event", text };
    yield { type: "event", text };
  }
  yield { type: "event", text: finishEvent(frame, "answer"), isFinish: true };
}

function* thinkSteps(
  chunks: readonly string[],
  reply: Reply,
  frame: EventFrame,
  before: UsageCount,
): Generator<ReplyStep, UsageCount> {
  let usage = before;
  let whole = "";
  for (const chunk of chunks) {
    usage = withReasoning(usage, countTokens(chunk));
    whole += chunk;
    const text = textEvent(frame, "think", reply.incremental ? chunk : whole, usage);
    yield { type: "event", text, stores: { phase: "think", text: chunk } };
  }
  yield { type: "event", text: thinkingFinishedEvent(frame, "think", usage) };
  return usage;
}

function* thinkingSummarySteps(
  thoughts: readonly Thought[],
  frame: EventFrame,
  before: UsageCount,
): Generator<ReplyStep, UsageCount> {
  const phase = "thinking_summary";
  let usage = before;
  for (const [index, { title, thought }] of thoughts.entries()) {
    const earlier = thoughts.slice(0, index);
    const half = { title, thought: thought.slice(0, Math.ceil(thought.length / 2)) };
    // As captured: an element grows from snapshot to snapshot, and the last snapshot repeats unchanged.
    for (const snapshot of [[...earlier, half], thoughts.slice(0, index + 1), thoughts.slice(0, index + 1)]) {
      usage = withReasoning(usage, countTokens(thought));
      const text = thinkingSummaryEvent(frame, snapshot, usage);
      yield { type: "event", text, stores: { phase, text: "", thoughts: snapshot } };
    }
  }
  yield { type: "event", text: thinkingFinishedEvent(frame, phase, undefined) };
  return usage;
}

/** Usage restarts behind the round: the model reads the results as new input. */
function* searchSteps(
  search: NonNullable<Reply["search"]>,
  frame: EventFrame,
  before: UsageCount,
): Generator<ReplyStep, UsageCount> {
  const { functionId, query, sources } = search;
  const whole = `{"queries": [${JSON.stringify(query)}]}`;
  const usage = { ...before, outputTokens: before.outputTokens + 60 };
  for (const argumentsText of ["", whole.slice(0, 12), whole.slice(0, -1), whole, whole]) {
    yield { type: "event", text: searchCallEvent(frame, functionId, argumentsText, usage) };
  }
  yield { type: "event", text: searchResultEvent(frame, functionId, sources) };
  return { inputTokens: before.inputTokens + searchInputTokens, outputTokens: 0, reasoningTokens: 0, cachedTokens: 0 };
}

function* imageSteps(images: readonly string[], frame: EventFrame): Generator<ReplyStep> {
  yield { type: "event", text: keepAliveEvent(frame) };
  yield { type: "event", text: keepAliveEvent(frame) };
  for (const [index, url] of images.entries()) {
    yield {
      type: "event",
      text: imageEvent(frame, url, index + 1),
      stores: { phase: "image_gen", text: url },
    };
  }
  yield { type: "event", text: finishEvent(frame, "image_gen"), isFinish: true };
}

function withReasoning(usage: UsageCount, tokens: number): UsageCount {
  return {
    ...usage,
    outputTokens: usage.outputTokens + tokens,
    reasoningTokens: usage.reasoningTokens + tokens,
  };
}
