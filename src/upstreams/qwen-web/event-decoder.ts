// The Qwen web stream to upstream events: says only what arrived. All state of one reply, nothing of the network.

import type { Continuation } from "../../contract/continuation.ts";
import type { TokenUsage, UpstreamEvent } from "../../contract/events.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject, jsonText } from "../../contract/json.ts";
import type { EventDecoder } from "../../contract/upstream.ts";
import { createSseDecoder } from "../../sse/sse-decoder.ts";
import type { QwenDelta, QwenSearchResult, QwenStreamEvent, QwenUsage } from "../../wire/qwen-web.ts";
import { classifyStreamError, type QwenRefusal, upstreamName } from "./errors.ts";
import { DeltaTemplate } from "./delta-template.ts";
import { createNewText, type NewText } from "./new-text.ts";
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
  /** Told of a refusal that came as an event; returns the error to tell. @defaultValue the refusal itself */
  readonly onRefusal?: (refusal: QwenRefusal) => GatewayError;
  /** Told once a reply, at the first event that could not be understood. */
  readonly onSkipped?: (reason: string) => void;
}

/** Phases whose text is the answer. Streams without phases (no `output_schema`) have only the answer. */
const answerPhases: ReadonlySet<string> = new Set(["answer", ""]);
/** As observed on chat.qwen.ai, 2026-03: the result of image generation; another observer saw `image`. */
const imagePhases: ReadonlySet<string> = new Set(["image_gen", "image"]);

/** Ids of a reply as one of its events tells them. */
interface ToldIds {
  readonly parent_id?: string;
  readonly response_id?: string;
  /** Where a body has no `response_id` (T13). */
  readonly message_id?: string;
}

type Emit = (event: UpstreamEvent) => void;
type DeltaKind = "text-delta" | "reasoning-delta";

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
  const newText: Readonly<Record<DeltaKind, NewText>> = {
    "text-delta": createNewText(),
    "reasoning-delta": createNewText(),
  };
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
    if (isJsonObject(event["response.created"])) return onIds(event["response.created"]);
    // A second answer may run interleaved (model comparison): only the first is ours, be it told by its ids or by a delta.
    const responseId = textOf(event.response_id);
    if (responseId !== undefined) onIds(event);
    if (responseId !== undefined && continuation?.responseId && responseId !== continuation.responseId) return;
    if (event.error != null && event.error !== "") return refuse(classifyStreamError(event.error));
    if (event.success === false) return refuse(classifyStreamError(event.data ?? event));
    if (isJsonObject(event["response.output_text.delta"])) {
      return onDeltaText("text-delta", event["response.output_text.delta"].delta);
    }
    if (event["response.completed"] !== undefined) return finish();
    if (event["response.info"] !== undefined) return;
    if (isJsonObject(event.usage)) noteUsage(event.usage);
    const delta = Array.isArray(event.choices) ? event.choices[0]?.delta : undefined;
    if (isJsonObject(delta)) {
      onDelta(delta);
      template = learnTemplate(data, delta, newText) ?? template;
      return;
    }
    if (event.usage === undefined) skip("unknown event");
  }

  /** The first ids count. Streams of some proxies begin without `response.created`. */
  function onIds(told: ToldIds): void {
    if (continuation !== undefined) return;
    const responseId = textOf(told.response_id) ?? textOf(told.message_id) ?? null;
    const parentId = textOf(told.parent_id) ?? null;
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
    if (phase === "think") onDeltaText("reasoning-delta", delta.content);
    else if (phase === "thinking_summary") onThoughts(delta);
    else if (answerPhases.has(phase)) onDeltaText("text-delta", delta.content);
    else if (imagePhases.has(phase)) onImage(delta.content);
    else onSearchResults(delta);
    const isFinal = answerPhases.has(phase) || imagePhases.has(phase);
    // Thinking and tool phases finish too: taking theirs for the end would cut the answer.
    if (delta.status === "finished" && isFinal && delta.role !== "function") finish();
  }

  function onDeltaText(kind: DeltaKind, content: string | null | undefined): void {
    start();
    if (kind === "text-delta") say("reasoning-delta", newText["reasoning-delta"].settle());
    const text = textOf(content);
    if (text !== undefined) say(kind, newText[kind].next(text));
    else if (content != null && content !== "") skip("a delta without text");
  }

  function say(kind: DeltaKind, text: string): void {
    if (text !== "") emit({ type: kind, text: jsonText(text) });
  }

  function onThoughts(delta: QwenDelta): void {
    const { summary_title: titles, summary_thought: texts } = delta.extra ?? {};
    say("reasoning-delta", thoughts.next(textsIn(titles?.content), textsIn(texts?.content)));
  }

  function onImage(url: string | null | undefined): void {
    if (textOf(url) !== undefined) say("text-delta", `![image](${url})\n`);
  }

  function onSearchResults(delta: QwenDelta): void {
    const results = delta.extra?.web_search_info ?? delta.extra?.tool_result?.docs;
    if (!Array.isArray(results)) return;
    for (const result of results as readonly QwenSearchResult[]) {
      if (typeof result?.url !== "string") continue;
      emit({
        type: "source",
        source: { url: result.url, title: textOf(result.title) ?? result.url, snippet: textOf(result.snippet) },
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
    sayRest();
    hasEnded = true;
    if (usage !== undefined) emit({ type: "usage-update", usage });
    emit({ type: "reply-end", finishReason: "stop", ...(continuation === undefined ? {} : { continuation }) });
  }

  function refuse(refusal: QwenRefusal): void {
    fail(options.onRefusal?.(refusal) ?? refusal);
  }

  function fail(error: GatewayError): void {
    sayRest();
    hasEnded = true;
    noteSkippedUsage();
    if (usage !== undefined) emit({ type: "usage-update", usage });
    emit({ type: "reply-error", error });
  }

  function sayRest(): void {
    say("reasoning-delta", newText["reasoning-delta"].settle());
    say("text-delta", newText["text-delta"].settle());
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

/**
 * Only the plainest deltas have a template: still typing, with text, in a phase whose text is passed on as it is, and of a
 * stream whose deltas are known to be pieces.
 */
function learnTemplate(
  data: Uint8Array,
  delta: QwenDelta,
  newText: Readonly<Record<DeltaKind, NewText>>,
): DeltaTemplate | undefined {
  const phase = delta.phase ?? "";
  const isPlain = delta.status === "typing" && delta.extra === undefined && delta.function_call === undefined;
  if (!isPlain || textOf(delta.content) === undefined || delta.role === "function") return undefined;
  const kind = phase === "think" ? "reasoning-delta" : answerPhases.has(phase) ? "text-delta" : undefined;
  if (kind === undefined || !newText[kind].arePieces) return undefined;
  return DeltaTemplate.learn(kind, data, delta.content ?? "");
}

/** A body that ended without its finish mark is a failure, never a `stop`. */
function truncated(): GatewayError {
  return new GatewayError("upstream-failed", "Qwen's answer broke off before its end: send the message again", {
    upstream: upstreamName,
    retryable: true,
  });
}

/** Fields are checked where they are used: what is no text, or empty, says nothing. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map((item) => textOf(item) ?? "") : [];
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
