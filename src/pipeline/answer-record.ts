// What an answer has said so far, gathered from its events: what the session remembers of it.

import type { ChatStreamEvent } from "../contract/chat-stream.ts";
import type { ErrorKind } from "../contract/gateway-error.ts";
import type { ChatMessage, MessageExtras, MessageStatus } from "../store/chat-store.ts";
import type { PipelineState } from "./step.ts";

/** Failures that lie in what was asked. */
const refusals: ReadonlySet<ErrorKind | undefined> = new Set<ErrorKind>([
  "invalid-request",
  "context-too-long",
  "content-filtered",
  "too-large",
]);

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

export class AnswerRecord {
  readonly #extras: Writable<MessageExtras> = {};
  readonly #stages: string[] = [];

  note(event: ChatStreamEvent): void {
    if ("stage" in event) this.#stages.push(event.stage);
    if ("quality_score" in event) this.#extras.qualityScore = event.quality_score;
    if ("follow_up_questions" in event) this.#extras.followUpQuestions = event.follow_up_questions;
  }

  /** The answer as it is kept. */
  asMessage(
    begun: ChatMessage,
    state: PipelineState,
    status: MessageStatus,
    error: { readonly message: string; readonly kind?: ErrorKind } | undefined,
  ): ChatMessage {
    const { upstream, model, usage, reasoning, sources, finishReason } = state;
    const extras: MessageExtras = {
      ...begun.extras,
      ...this.#extras,
      ...(this.#stages.length > 0 && { stages: this.#stages }),
      ...(sources.length > 0 && { sources }),
      ...(reasoning !== "" && { reasoning }),
      ...(upstream !== undefined && { upstream }),
      ...(model !== undefined && { model }),
      ...(usage !== undefined && {
        usage: { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens, totalTokens: usage.totalTokens },
      }),
      ...(error !== undefined && { error: error.message }),
      ...(finishReason !== undefined && finishReason !== "stop" && { finishReason }),
      ...(state.answer === "" && refusals.has(error?.kind) && { isRefused: true as const }),
    };
    return { ...begun, content: state.answer, status, extras };
  }
}
