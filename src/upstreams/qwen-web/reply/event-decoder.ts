// The Qwen web stream to upstream events: says only what arrived. All state of one reply, nothing of the network.

import type { Continuation } from "../../../contract/continuation.ts";
import type { TokenUsage, UpstreamEvent } from "../../../contract/events.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import { isJsonObject, jsonText } from "../../../contract/json.ts";
import type { EventDecoder } from "../../../contract/upstream.ts";
import { createSseDecoder, type SseDecoder, type SseEvent, type SseSink } from "../../../sse/sse-decoder.ts";
import type { QwenDelta, QwenUsage } from "../../../wire/qwen-web.ts";
import { createNewText, type NewText } from "../../new-text.ts";
import { type TextPiece, ThinkTags } from "../../think-tags.ts";
import type { DeltaShapes } from "./delta-shapes.ts";
import { type DeltaKind, DeltaTemplate } from "./delta-template.ts";
import { classifyBody, classifyStreamError, isUnknown, type QwenRefusal, upstreamName } from "../errors.ts";
import { NativeResults } from "./native-results.ts";
import { parseUsage } from "./parse-usage.ts";
import { textOf } from "../../read-fields.ts";
import { contentOf, parseEvent, textsIn } from "./read-event.ts";
import { createThoughtTracker, type ThoughtTracker } from "./thought-tracker.ts";

/** Which id of the stream the next turn continues. */
export type ChainOn = "response_id" | "parent_id";

export interface DecoderOptions {
  readonly chatId: string;
  readonly model: string;
  /** @defaultValue "response_id" */
  readonly chainOn?: ChainOn;
  readonly maxLineBytes?: number;
  /** Known of earlier replies, and told of this one. */
  readonly shapes?: DeltaShapes;
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

/** What a decoder has learnt of its reply, for whoever must stop it. */
export interface WebEventDecoder extends EventDecoder {
  /** Undefined until the stream has told its ids. */
  readonly continuation: Continuation | undefined;
  /** The backend itself said that the reply is over: nothing is left to stop. */
  readonly isOver: boolean;
}

/** Decodes one reply of the Qwen web backend, cut anywhere. Events are valid only while they are emitted. */
export function createEventDecoder(options: DecoderOptions): WebEventDecoder {
  return new Decoder(options);
}

const textDecoder = new TextDecoder();

/** Of what is no event. A refusal tells itself sooner. UTF-16 units. */
const maxStrangeChars = 16_384;

const mayBeginTag = /^\s*(?:<|$)/;

/** A class and not closures: a thousand open streams hold a thousand of them. */
class Decoder implements WebEventDecoder, SseSink {
  continuation: Continuation | undefined;
  /** Of the answer that is ours, once an event has told it. */
  #responseId: string | undefined;
  readonly #options: DecoderOptions;
  readonly #sse: SseDecoder;
  readonly #answer = createNewText();
  /** Most models do not think. */
  #reasoning: NewText | undefined;
  #thoughts: ThoughtTracker | undefined;
  /** Of an answer that begins like a tag, until it is known whether it does. */
  #tags: ThinkTags | undefined;
  #hasAnswered = false;
  /** Most answers use no tool of the backend. */
  #results: NativeResults | undefined;
  #emit: Emit = ignore;
  #hasStarted = false;
  #hasEnded = false;
  #hasSkipped = false;
  /** What stood in place of events before anything was said. */
  #strange = "";
  #isTruncated = false;
  #usage: TokenUsage | undefined;
  #template: DeltaTemplate | undefined;
  /** Deltas of the template's kind are known to be pieces: they are passed on as they are. */
  #arePieces = false;

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.#sse = createSseDecoder(this, options);
  }

  get isOver(): boolean {
    return this.#hasEnded && !this.#isTruncated;
  }

  get pendingBytes(): number {
    return this.#sse.pendingBytes;
  }

  feed(chunk: Uint8Array, emit: Emit): void {
    this.#emit = emit;
    this.#sse.feed(chunk);
    this.#template?.release();
  }

  end(emit: Emit): void {
    this.#emit = emit;
    this.#sse.end();
    if (this.#hasEnded) return;
    this.#isTruncated = true;
    const refusal = this.#strangeRefusal();
    if (refusal === undefined) this.#fail(truncated());
    else this.#refuse(refusal);
  }

  unknownLine(line: Uint8Array): void {
    this.#noteStrange(textDecoder.decode(line));
  }

  event(event: SseEvent): void {
    if (this.#hasEnded) return;
    const template = this.#template;
    if (!template?.match(event.bytes, event.start, event.end)) this.#parse(event.data);
    else if (!this.#arePieces) this.#onFirstText(template);
    else if (!template.isEmpty) this.#emit(template.event);
  }

  #onFirstText({ kind, event }: DeltaTemplate): void {
    this.#onDeltaText(kind, event.text.text);
    this.#arePieces = this.#newText(kind).arePieces && this.#tags === undefined;
  }

  #parse(data: Uint8Array): void {
    const text = textDecoder.decode(data);
    // Some proxies add it; the backend itself does not. The end is told by a status.
    if (text === "[DONE]") return;
    const event = parseEvent(text);
    if (event === undefined) return this.#skip("no JSON object", text);
    if (isJsonObject(event["response.created"])) return this.#noteIds(event["response.created"]);
    // A second answer may run interleaved (model comparison): only the first is ours, be it told by its ids or by a delta.
    const responseId = textOf(event.response_id);
    if (responseId !== undefined) this.#noteIds(event);
    if (responseId !== undefined && responseId !== this.#responseId) return;
    if (event.error != null && event.error !== "") return this.#refuse(classifyStreamError(event.error));
    if (event.success === false) return this.#refuse(classifyStreamError(event.data ?? event));
    if (isJsonObject(event["response.output_text.delta"])) {
      return this.#onDeltaText("text-delta", event["response.output_text.delta"].delta);
    }
    if (event["response.completed"] !== undefined) return this.#finish();
    if (event["response.info"] !== undefined) return;
    if (isJsonObject(event.usage)) this.#noteUsage(event.usage);
    const delta = Array.isArray(event.choices) ? event.choices[0]?.delta : undefined;
    if (isJsonObject(delta)) {
      this.#onDelta(delta);
      const template = this.#learnTemplate(data, delta);
      if (template !== undefined) this.#useTemplate(template, true);
      return;
    }
    if (event.usage === undefined) this.#skip("unknown event", text);
  }

  /** The first ids count. Streams of some proxies begin without `response.created`, or with one that tells less. */
  #noteIds(told: ToldIds): void {
    const before = this.continuation;
    const first = textOf(told.response_id);
    if (this.#responseId !== undefined || (before !== undefined && first === undefined)) return;
    this.#responseId = first;
    const { chatId, chainOn = "response_id" } = this.#options;
    const responseId = first ?? textOf(told.message_id) ?? null;
    const parentId = textOf(told.parent_id) ?? before?.parentId ?? null;
    const nodeId = chainOn === "parent_id" ? (parentId ?? responseId) : (responseId ?? parentId);
    this.continuation = { chatId, nodeId, responseId, parentId };
    if (responseId !== null && this.#template === undefined) {
      const template = this.#options.shapes?.forReply("text-delta", responseId);
      if (template !== undefined) this.#useTemplate(template, false);
    }
    this.#start();
  }

  #useTemplate(template: DeltaTemplate, arePieces: boolean): void {
    this.#noteSkippedUsage();
    this.#template = template;
    this.#arePieces = arePieces;
  }

  #start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const { model } = this.#options;
    const { continuation } = this;
    this.#emit(
      continuation === undefined ? { type: "reply-start", model } : { type: "reply-start", model, continuation },
    );
  }

  #onDelta(delta: QwenDelta): void {
    this.#start();
    const phase = delta.phase ?? "";
    if (phase === "think") this.#onDeltaText("reasoning-delta", delta.content);
    else if (phase === "thinking_summary") this.#onThoughts(delta);
    else if (answerPhases.has(phase)) this.#onDeltaText("text-delta", delta.content);
    else if (imagePhases.has(phase)) this.#onImage(delta.content);
    else this.#onNativeResults(delta);
    const isFinal = answerPhases.has(phase) || imagePhases.has(phase);
    // Thinking and tool phases finish too: taking theirs for the end would cut the answer.
    if (delta.status === "finished" && isFinal && delta.role !== "function") this.#finish();
  }

  #onDeltaText(kind: DeltaKind, content: string | null | undefined): void {
    this.#start();
    if (kind === "text-delta") this.#sayReasoningRest();
    const text = textOf(content);
    if (text !== undefined) this.#say(kind, this.#newText(kind).next(text));
    else if (content != null && content !== "") this.#skip("a delta without text");
  }

  #newText(kind: DeltaKind): NewText {
    if (kind === "text-delta") return this.#answer;
    this.#reasoning ??= createNewText();
    return this.#reasoning;
  }

  #say(kind: DeltaKind, text: string): void {
    if (text === "") return;
    if (kind === "text-delta" && this.#mayHoldThoughts(text)) this.#sayTagged(text);
    else this.#emit({ type: kind, text: jsonText(text) });
  }

  /** Nobody has seen this backend leave its template's tags in an answer; other servers of the same models do. */
  #mayHoldThoughts(text: string): boolean {
    if (!this.#hasAnswered && mayBeginTag.test(text)) this.#tags = new ThinkTags();
    this.#hasAnswered = true;
    return this.#tags !== undefined;
  }

  #sayTagged(text: string): void {
    const tags = this.#tags;
    this.#sayPieces(tags?.content(text));
    if (tags?.isOpen("text-delta")) this.#tags = undefined;
  }

  #sayPieces(pieces: readonly TextPiece[] = []): void {
    for (const [type, piece] of pieces) this.#emit({ type, text: jsonText(piece) });
  }

  #onThoughts(delta: QwenDelta): void {
    const { summary_title: titles, summary_thought: texts } = delta.extra ?? {};
    this.#thoughts ??= createThoughtTracker();
    // Some events of this phase bring no snapshot, its end above all: they take nothing back.
    if (titles != null || texts != null) {
      this.#say("reasoning-delta", this.#thoughts.next(textsIn(titles?.content), textsIn(texts?.content)));
    }
    if (delta.status === "finished") this.#thoughts.endRound();
  }

  #onImage(url: string | null | undefined): void {
    if (textOf(url) !== undefined) this.#say("text-delta", `![image](${url})\n`);
  }

  #onNativeResults({ extra }: QwenDelta): void {
    if (extra == null) return;
    this.#results ??= new NativeResults();
    for (const source of this.#results.sources(extra)) this.#emit({ type: "source", source });
    const pictures = this.#results.pictures(extra).map((address) => `![image](${address})\n\n`);
    if (pictures.length === 0) return;
    this.#sayReasoningRest();
    // The words around them leave no room.
    this.#say("text-delta", `${this.#hasAnswered ? "\n\n" : ""}${pictures.join("")}`);
  }

  /** The last usage counts: after a native tool round it starts anew, with the round's own input. */
  #noteUsage(raw: QwenUsage): void {
    const usage = parseUsage(raw);
    if (usage === undefined) return;
    this.#usage = usage;
    this.#template?.dropTail();
  }

  /** Usage that came with deltas which were never parsed is read at last, once, unless a newer one was. */
  #noteSkippedUsage(): void {
    const tail = this.#template?.takeTail();
    const event = tail === undefined ? undefined : parseEvent(tail);
    if (event?.usage) this.#noteUsage(event.usage);
  }

  #finish(): void {
    this.#start();
    this.#sayRest();
    this.#hasEnded = true;
    this.#noteSkippedUsage();
    if (this.#usage !== undefined) this.#emit({ type: "usage-update", usage: this.#usage });
    const { continuation } = this;
    const finishReason = "stop";
    this.#emit(
      continuation === undefined
        ? { type: "reply-end", finishReason }
        : { type: "reply-end", finishReason, continuation },
    );
  }

  #refuse(refusal: QwenRefusal): void {
    this.#fail(this.#options.onRefusal?.(refusal) ?? refusal);
  }

  #fail(error: GatewayError): void {
    this.#sayRest();
    this.#hasEnded = true;
    this.#noteSkippedUsage();
    if (this.#usage !== undefined) this.#emit({ type: "usage-update", usage: this.#usage });
    this.#emit({ type: "reply-error", error });
  }

  #sayRest(): void {
    this.#sayReasoningRest();
    this.#say("text-delta", this.#answer.settle());
    this.#sayPieces(this.#tags?.settle());
  }

  #sayReasoningRest(): void {
    if (this.#reasoning !== undefined) this.#say("reasoning-delta", this.#reasoning.settle());
  }

  /**
   * Only the plainest deltas have a template: still typing, with text, in a phase whose text is passed on as it is, and of a
   * stream whose deltas are known to be pieces.
   */
  #learnTemplate(data: Uint8Array, delta: QwenDelta): DeltaTemplate | undefined {
    const phase = delta.phase ?? "";
    const isPlain = delta.status === "typing" && delta.extra === undefined && delta.function_call === undefined;
    if (!isPlain || textOf(delta.content) === undefined || delta.role === "function") return undefined;
    const kind = phase === "think" ? "reasoning-delta" : answerPhases.has(phase) ? "text-delta" : undefined;
    if (kind === undefined || !this.#newText(kind).arePieces || this.#tags !== undefined) return undefined;
    const { shapes } = this.#options;
    const responseId = this.continuation?.responseId ?? undefined;
    const known = responseId === undefined ? undefined : shapes?.forReply(kind, responseId);
    if (known?.match(data, 0, data.length)) return known;
    const learnt = DeltaTemplate.learn(kind, data, delta.content ?? "", contentOf);
    if (learnt !== undefined && responseId !== undefined) shapes?.remember(learnt, responseId);
    return learnt;
  }

  #noteStrange(text: string): void {
    const hasSaidSomething = this.#hasAnswered || this.#reasoning !== undefined || this.#thoughts !== undefined;
    if (text === "" || hasSaidSomething || this.#strange.length >= maxStrangeChars) return;
    this.#strange += `${text.slice(0, maxStrangeChars)}\n`;
  }

  /** A refusal may come under the name of an event stream: one that held nothing else is read as any other body. */
  #strangeRefusal(): QwenRefusal | undefined {
    if (this.#strange === "") return undefined;
    const refusal = classifyBody(this.#strange, "", { status: 200, retryAfterMs: undefined });
    return isUnknown(refusal) ? undefined : refusal;
  }

  /** @param strange what is no event that the backend is known to send */
  #skip(reason: string, strange = ""): void {
    this.#noteStrange(strange);
    if (this.#hasSkipped) return;
    this.#hasSkipped = true;
    this.#options.onSkipped?.(reason);
  }
}

function ignore(): void {}

/** A body that ended without its finish mark is a failure, never a `stop`. */
function truncated(): GatewayError {
  return new GatewayError("upstream-failed", "Qwen's answer broke off before its end: send the message again", {
    upstream: upstreamName,
    retryable: true,
  });
}
