// The steps of a pipeline one after the other. What they say is noted for those behind and handed on.

import type { ChatStreamEvent } from "../contract/chat-stream.ts";
import { silentLog } from "../telemetry/log.ts";
import { isWritten, type Pipeline, type PipelineState, type Step, type StepContext, type StepEvent } from "./step.ts";

export function emptyState(message: string): PipelineState {
  return {
    query: message,
    needsDocuments: true,
    sources: [],
    answer: "",
    reasoning: "",
    finishReason: undefined,
    usage: undefined,
    upstream: undefined,
    model: undefined,
  };
}

/** Stops before the next step when the context's signal is aborted, and behind the last, by throwing its reason. */
export async function* runSteps(steps: readonly Step[], context: StepContext): AsyncGenerator<StepEvent, void> {
  for (const step of steps) {
    context.signal.throwIfAborted();
    for await (const event of step.run(context)) {
      if (!isWritten(event)) noteEvent(event, context.state);
      yield event;
    }
  }
  context.signal.throwIfAborted();
}

export function noteEvent(event: ChatStreamEvent, state: PipelineState): void {
  if ("token" in event) state.answer += event.token;
  if ("reasoning" in event) state.reasoning += event.reasoning;
  if ("sources" in event) state.sources = event.sources;
}

/** What a pipeline outside of a gateway is given; what is absent is empty, and what asks a model fails. */
export type PipelineInput = { readonly message: string } & Partial<
  Omit<StepContext, "message" | "state" | "generate" | "relay">
>;

/**
 * Runs a pipeline by itself, without a gateway: for pipelines whose steps bring their own model and documents.
 * @throws what a step throws
 * @example createEventStream(runPipeline(pipeline, { message: "Hello" }))
 */
export async function* runPipeline(pipeline: Pipeline, input: PipelineInput): AsyncGenerator<ChatStreamEvent, void> {
  const context: StepContext = {
    content: [{ type: "text", text: input.message }],
    history: [],
    sessionId: "",
    caller: "local",
    model: undefined,
    options: {},
    signal: new AbortController().signal,
    log: silentLog,
    searchDocuments: async () => [],
    ask: noGateway,
    ...input,
    generate: noGateway,
    relay: noGateway,
    state: emptyState(input.message),
  };
  for await (const event of runSteps(pipeline.steps, context)) {
    // Only a gateway's own generation writes frames, and there is none here.
    if (!isWritten(event)) yield event;
  }
}

function noGateway(): never {
  throw new Error("This pipeline runs without a gateway: its steps must bring their own model");
}
