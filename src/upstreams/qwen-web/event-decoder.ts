// The Qwen web stream to upstream events: says only what arrived. All state of one reply, nothing of the network.

import type { Continuation } from "../../contract/continuation.ts";
import type { TokenUsage, UpstreamEvent } from "../../contract/events.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject, jsonText } from "../../contract/json.ts";
import type { EventDecoder } from "../../contract/upstream.ts";
import { createSseDecoder } from "../../sse/sse-decoder.ts";
import type { QwenDelta, QwenSearchResult, QwenStreamEvent, QwenUsage } from "../../wire/qwen-web.ts";
import { classifyStreamError, upstreamName } from "./errors.ts";
import { DeltaTemplate } from "./delta-template.ts";
import { parseUsage } from "./parse-usage.ts";
import { createThoughtTracker } from "./thought-tracker.ts";

/** Which id of the stream the next turn continues. */
export type ChainOn = "response_id" | "parent_id";

export interface DecoderOptions {
  readonly chatId: string;
  readonly model: string;
  /** @defaultValue "response_id" */
  readonly chainOn?: ChainOn;
  readonly maxLineBytes?: number;
  /** Told once a reply, at the first event that could not be understood. */
  readonly onSkipped?: (reason: string) => void;
}

/** Phases whose text is the answer. Streams without phases (no `output_schema`) have only the answer. */
const answerPhases: ReadonlySet<string> = new Set(["answer", ""]);
/** As observed on chat.qwen.ai, 2026-03: the result of image generation; another observer saw `image`. */
const imagePhases: ReadonlySet<string> = new Set(["image_gen", "image"]);

type Emit = (event: UpstreamEvent) => void;

/** What a decoder has learnt of its reply, for whoever must stop it. */
export interface WebEventDecoder extends EventDecoder {
  /** Undefined until the stream has told its ids. */
  readonly continuation: Continuation | undefined;
  /** The backend itself said that the reply is over: nothing is left to stop. */
  readonly isOver: boolean;
}

/** Decodes one reply of the Qwen web backend, cut anywhere. Events are valid only while they are emitted. */
export function createEventDecoder(options: DecoderOptions): WebEventDecoder {
  const chainOn = options.chainOn ?? "response_id";
  const decoder = new TextDecoder();
  const thoughts = createThoughtTracker();
  let emit: Emit = () => {};
  let hasStarted = false;
  let hasEnded = false;
  let hasSkipped = false;
  let isTruncated = false;
  let continuation: Continuation | undefined;
  let usage: TokenUsage | undefined;
  let template: DeltaTemplate | undefined;

  const sse = createSseDecoder(
    {
      event({ data }) {
        if (!hasEnded) onData(data);
      },
    },
    options.maxLineBytes === undefined ? {} : { maxLineBytes: options.maxLineBytes },
  );

  function onData(data: Uint8Array): void {
    if (template?.match(data)) {
      if (!template.isEmpty) emit(template.event);
      return;
    }
    parse(data);
  }

  function parse(data: Uint8Array): void {
    noteSkippedUsage();
    const text = decoder.decode(data);
    // Some proxies add it; the backend itself does not. The end is told by a status.
    if (text === "[DONE]") return;
    const event = parseEvent(text);
    if (event === undefined) return skip("no JSON object");
    if ("error" in event) return fail(classifyStreamError(event.error));
    if (event["response.created"] !== undefined) return onCreated(event["response.created"]);
    if (event["response.output_text.delta"] !== undefined) {
      return onText(event["response.output_text.delta"].delta);
    }
    if (event["response.completed"] !== undefined) return finish();
    if (event["response.info"] !== undefined) return;
    // A second answer may run interleaved (model comparison): only the first is ours.
    const isOther =
      event.response_id !== undefined && continuation?.responseId && event.response_id !== continuation.responseId;
    if (isOther) return;
    if (event.usage) noteUsage(event.usage);
    const delta = event.choices?.[0]?.delta;
    if (isJsonObject(delta)) {
      template = learnTemplate(data, delta) ?? template;
      return onDelta(delta);
    }
    if (event.usage === undefined) skip("unknown event");
  }

  function onCreated(created: NonNullable<QwenStreamEvent["response.created"]>): void {
    if (continuation !== undefined) return;
    const responseId = created.response_id ?? null;
    const parentId = created.parent_id ?? null;
    continuation = {
      chatId: options.chatId,
      nodeId: chainOn === "parent_id" ? (parentId ?? responseId) : (responseId ?? parentId),
      responseId,
      parentId,
    };
    start();
  }

  function start(): void {
    if (hasStarted) return;
    hasStarted = true;
    emit({ type: "reply-start", model: options.model, ...(continuation === undefined ? {} : { continuation }) });
  }

  function onDelta(delta: QwenDelta): void {
    start();
    const phase = delta.phase ?? "";
    if (phase === "think") onReasoning(delta.content);
    else if (phase === "thinking_summary") onThoughts(delta);
    else if (answerPhases.has(phase)) onText(delta.content);
    else if (imagePhases.has(phase)) onImage(delta.content);
    else onSearchResults(delta);
    const isFinal = answerPhases.has(phase) || imagePhases.has(phase);
    // Thinking and tool phases finish too: taking theirs for the end would cut the answer.
    if (delta.status === "finished" && isFinal && delta.role !== "function") finish();
  }

  function onText(content: string | null | undefined): void {
    start();
    if (content) emit({ type: "text-delta", text: jsonText(content) });
  }

  function onReasoning(content: string | null | undefined): void {
    if (content) emit({ type: "reasoning-delta", text: jsonText(content) });
  }

  function onThoughts(delta: QwenDelta): void {
    const text = thoughts.next(delta.extra?.summary_title?.content ?? [], delta.extra?.summary_thought?.content ?? []);
    onReasoning(text);
  }

  function onImage(url: string | null | undefined): void {
    if (url) onText(`![image](${url})\n`);
  }

  function onSearchResults(delta: QwenDelta): void {
    const results = delta.extra?.web_search_info ?? delta.extra?.tool_result?.docs;
    if (!Array.isArray(results)) return;
    for (const result of results as readonly QwenSearchResult[]) {
      if (typeof result?.url !== "string") continue;
      emit({
        type: "source",
        source: { url: result.url, title: result.title ?? result.url, snippet: result.snippet },
      });
    }
  }

  /** The last usage counts: after a native tool round it starts anew, with the round's own input. */
  function noteUsage(raw: QwenUsage): void {
    usage = parseUsage(raw) ?? usage;
  }

  /** Usage that came with deltas which were never parsed is read now, once. */
  function noteSkippedUsage(): void {
    const tail = template?.takeTail();
    const event = tail === undefined ? undefined : parseEvent(tail);
    if (event?.usage) noteUsage(event.usage);
  }

  function finish(): void {
    start();
    hasEnded = true;
    if (usage !== undefined) emit({ type: "usage-update", usage });
    emit({ type: "reply-end", finishReason: "stop", ...(continuation === undefined ? {} : { continuation }) });
  }

  function fail(error: GatewayError): void {
    hasEnded = true;
    noteSkippedUsage();
    if (usage !== undefined) emit({ type: "usage-update", usage });
    emit({ type: "reply-error", error });
  }

  function skip(reason: string): void {
    if (hasSkipped) return;
    hasSkipped = true;
    options.onSkipped?.(reason);
  }

  return {
    get continuation() {
      return continuation;
    },
    get isOver() {
      return hasEnded && !isTruncated;
    },
    get pendingBytes() {
      return sse.pendingBytes;
    },
    feed(chunk, newEmit) {
      emit = newEmit;
      sse.feed(chunk);
    },
    end(newEmit) {
      emit = newEmit;
      sse.end();
      if (hasEnded) return;
      isTruncated = true;
      fail(truncated());
    },
  };
}

/** Only the plainest deltas have a template: still typing, with text, in a phase whose text is passed on as it is. */
function learnTemplate(data: Uint8Array, delta: QwenDelta): DeltaTemplate | undefined {
  const phase = delta.phase ?? "";
  const isPlain = delta.status === "typing" && delta.extra === undefined && delta.function_call === undefined;
  if (!isPlain || !delta.content || delta.role === "function") return undefined;
  if (phase === "think") return DeltaTemplate.learn("reasoning-delta", data, delta.content);
  return answerPhases.has(phase) ? DeltaTemplate.learn("text-delta", data, delta.content) : undefined;
}

/** A body that ended without its finish mark is a failure, never a `stop`. */
function truncated(): GatewayError {
  return new GatewayError("upstream-failed", "Qwen's answer broke off before its end: send the message again", {
    upstream: upstreamName,
    retryable: true,
  });
}

function parseEvent(text: string): QwenStreamEvent | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // Fields are checked one by one where they are used.
    return isJsonObject(value) ? (value as QwenStreamEvent) : undefined;
  } catch {
    // A broken line is skipped, the stream goes on: the caller says so once.
    return undefined;
  }
}
