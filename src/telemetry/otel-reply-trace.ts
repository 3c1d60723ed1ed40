// The spans of one reply: each attempt at an upstream, by the conventions for GenAI. No word of what was said.
// @see https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/

import { type Attributes, type Context, type Span, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import type { ReplyTrace, TracedReply } from "./tracing.ts";

export interface ReplyTraceOptions {
  readonly tracer: Tracer;
  /** Of the request. */
  readonly context: Context;
  /** Undefined: it is over, and a step of its work follows. */
  readonly requestSpan: Span | undefined;
  readonly reply: TracedReply;
  onSpanEnd(): void;
  onEnd(): void;
}

export function createReplyTrace(options: ReplyTraceOptions): ReplyTrace {
  const { tracer, context, requestSpan, reply } = options;
  let attempt: Span | undefined;
  let attemptAtMs = 0;
  let isOver = false;

  function endAttempt(attributes: Attributes, error: string | undefined): void {
    if (attempt === undefined) return;
    attempt.setAttributes(attributes);
    if (error !== undefined) {
      attempt.setAttribute("error.type", error);
      attempt.setStatus({ code: SpanStatusCode.ERROR, message: error });
    }
    attempt.end();
    attempt = undefined;
    options.onSpanEnd();
  }

  return {
    attemptBegins(upstream, model = reply.model, session?: string) {
      attemptAtMs = performance.now();
      const attributes: Attributes = {
        "gen_ai.operation.name": reply.operation,
        "gen_ai.provider.name": upstream,
        "gen_ai.request.stream": reply.stream,
        "qwen_gateway.surface": reply.surface,
      };
      if (model !== undefined) attributes["gen_ai.request.model"] = model;
      if (session !== undefined) attributes["gen_ai.conversation.id"] = session;
      const name = model === undefined ? reply.operation : `${reply.operation} ${model}`;
      attempt = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, context);
    },
    attemptOpened(account, model) {
      if (model !== "") attempt?.setAttribute("gen_ai.response.model", model);
      if (account !== "") attempt?.setAttribute("qwen_gateway.account", account);
      attempt?.addEvent("accepted");
    },
    firstToken() {
      attempt?.setAttribute("gen_ai.response.time_to_first_chunk", (performance.now() - attemptAtMs) / 1000);
      attempt?.addEvent("first_token");
    },
    attemptEnds({ outcome, kind, inputTokens, outputTokens, finishReason }) {
      const attributes: Attributes = { "qwen_gateway.outcome": outcome };
      if (inputTokens !== undefined) attributes["gen_ai.usage.input_tokens"] = inputTokens;
      if (outputTokens !== undefined) attributes["gen_ai.usage.output_tokens"] = outputTokens;
      if (finishReason !== undefined) attributes["gen_ai.response.finish_reasons"] = [finishReason];
      endAttempt(attributes, outcome === "failed" ? (kind ?? "internal") : undefined);
    },
    ended(outcome, kind, attempts) {
      if (isOver) return;
      isOver = true;
      endAttempt({ "qwen_gateway.outcome": outcome }, outcome === "failed" ? (kind ?? "internal") : undefined);
      requestSpan?.setAttributes({
        "qwen_gateway.surface": reply.surface,
        "qwen_gateway.outcome": outcome,
        "qwen_gateway.attempts": attempts,
      });
      if (outcome === "failed") {
        requestSpan?.setAttribute("error.type", kind ?? "internal");
        requestSpan?.setStatus({ code: SpanStatusCode.ERROR });
      }
      options.onEnd();
    },
  };
}
