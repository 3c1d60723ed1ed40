// What an event of the typed chat stream does to the message that it belongs to. Pure.

import { numberOf, textOf } from "../fields.ts";
import { type Cut, isUnderway, type Message, type Source, type Usage } from "./message.ts";

/** Events as they stand in the stream, one key each, and what only the page can know. */
export type AnswerEvent =
  | { readonly type: "stage"; readonly stage: string }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  | { readonly type: "sources"; readonly sources: readonly Source[] }
  | { readonly type: "quality"; readonly score: number }
  | { readonly type: "follow-ups"; readonly questions: readonly string[] }
  | { readonly type: "metadata"; readonly metadata: Readonly<Record<string, unknown>> }
  | { readonly type: "connection"; readonly state: "lost" | "resumed" }
  | { readonly type: "end" }
  | { readonly type: "stop" }
  | { readonly type: "failure"; readonly error: string };

export function applyEvent(message: Message, event: AnswerEvent): Message {
  // What comes behind the end changes nothing, as when a stop crosses with the last tokens. But ids count.
  if (!isUnderway(message)) {
    return event.type === "metadata" ? { ...applyMetadata(message, event.metadata), status: message.status } : message;
  }
  switch (event.type) {
    case "stage":
      return { ...message, status: "running", stages: addStage(message.stages, event.stage) };
    case "text":
      return { ...message, status: "running", content: message.content + event.text };
    case "reasoning":
      return { ...message, status: "running", reasoning: message.reasoning + event.text };
    case "sources":
      return { ...message, sources: event.sources };
    case "quality":
      return { ...message, qualityScore: event.score };
    case "follow-ups":
      return { ...message, followUps: event.questions };
    case "metadata":
      return applyMetadata(message, event.metadata);
    case "connection":
      return { ...message, connection: event.state };
    case "end":
      return { ...message, status: "complete", connection: undefined };
    case "stop":
      return { ...message, status: "stopped", connection: undefined };
    case "failure":
      // Whether the connection was lost stays: then there may be more to read.
      return { ...message, status: "failed", error: event.error };
    default:
      event satisfies never;
      return message;
  }
}

/** A stage is told again when the gateway asks another upstream. */
function addStage(stages: readonly string[], stage: string): readonly string[] {
  return stages.at(-1) === stage ? stages : [...stages, stage];
}

function applyMetadata(message: Message, metadata: Readonly<Record<string, unknown>>): Message {
  return {
    ...message,
    status: "running",
    gatewayId: textOf(metadata["message_id"]) ?? message.gatewayId,
    streamId: textOf(metadata["stream_id"]) ?? message.streamId,
    model: textOf(metadata["model"]) ?? message.model,
    upstream: textOf(metadata["upstream"]) ?? message.upstream,
    cutBy: cutOf(metadata["finish_reason"]) ?? message.cutBy,
    usage: usageOf(metadata) ?? message.usage,
  };
}

export function cutOf(finishReason: unknown): Cut | undefined {
  return finishReason === "length" || finishReason === "content_filter" ? finishReason : undefined;
}

/** Token counts out of a piece of metadata, or of a stored message's usage; undefined when it tells none. */
export function usageOf(counts: Readonly<Record<string, unknown>>): Usage | undefined {
  const promptTokens = numberOf(counts["prompt_tokens"]);
  const completionTokens = numberOf(counts["completion_tokens"]);
  return promptTokens === undefined && completionTokens === undefined ? undefined : { promptTokens, completionTokens };
}
