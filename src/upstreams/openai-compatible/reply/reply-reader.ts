// One reply of a server, chunk by parsed chunk, to upstream events: the rules by which all dialects become one. The bytes
// around it are event-decoder.ts and json-decoder.ts.

import type { ToolDefinition } from "../../../contract/chat-request.ts";
import type { FinishReason, Source, TokenUsage, UpstreamEvent } from "../../../contract/events.ts";
import type { GatewayError } from "../../../contract/gateway-error.ts";
import { isJsonObject, jsonText } from "../../../contract/json.ts";
import type { ToolWarning } from "../../../tools/tool-warning.ts";
import type { CompletionChoice, CompletionChunk, CompletionDelta } from "../../../wire/openai-compatible.ts";
import { textOf } from "../../read-fields.ts";
import { classifyText, refusalOf, type RefusalSource } from "../refusals/errors.ts";
import { parseTimings, parseUsage } from "./parse-usage.ts";
import type { UpstreamRefusal } from "../refusals/refusal.ts";
import { type Rescue, TextFlow } from "./text-flow.ts";
import type { ThoughtsStart } from "../../think-tags.ts";
import { ToldSources } from "./told-sources.ts";
import { createToolCalls, type ToolCalls } from "./tool-calls.ts";

export interface ReplyOptions {
  /** The model that was asked, where the reply names none. */
  readonly model: string;
  readonly source: RefusalSource;
  readonly thinkTags: boolean;
  /** @defaultValue "marked" */
  readonly thoughtsStart?: ThoughtsStart;
  readonly onThoughtsStart?: (start: "marked" | "unopened") => void;
  readonly cumulativeDeltas: boolean;
  readonly doneIsFinish: boolean;
  /** Those that the client offered. */
  readonly tools: readonly ToolDefinition[];
  /** White space waits for what follows it: in front of a call it is left out. @defaultValue where there are tools */
  readonly holdsBlanks?: boolean;
  readonly rescue: Rescue;
  /** Ids of calls that come without one. */
  readonly createId: () => string;
  /** Told of a refusal; returns the error to tell. @defaultValue the refusal itself */
  readonly onRefusal?: (refusal: UpstreamRefusal) => GatewayError;
  /** Told once a reply, at the first event that could not be understood. */
  readonly onSkipped?: (reason: string) => void;
  /** Told of calls that were mended or could not be. */
  readonly onToolWarning?: (warning: ToolWarning) => void;
  readonly onUsage?: (usage: TokenUsage) => void;
}

export type Emit = (event: UpstreamEvent) => void;

/** Words for the finish that are not OpenAI's own. */
const finishReasons: Readonly<Record<string, FinishReason>> = {
  stop: "stop",
  eos: "stop",
  end_turn: "stop",
  stop_sequence: "stop",
  length: "length",
  max_tokens: "length",
  tool_calls: "tool_calls",
  function_call: "tool_calls",
  content_filter: "content_filter",
  sensitive: "content_filter",
};

/** A class and not closures: every open stream holds one. */
export class ReplyReader {
  /** Where events go from now on. */
  emit: Emit = () => {};
  hasEnded = false;
  readonly text: TextFlow;
  readonly #options: ReplyOptions;
  /** Made when the first call comes: most replies have none. */
  #calls: ToolCalls | undefined;
  /** Made when the first page is cited. */
  #sources: ToldSources | undefined;
  #hasStarted = false;
  #hasSaid = false;
  #hasSkipped = false;
  /** The choice of index 1, until it is clear whose it is. */
  #second: CompletionChoice | undefined;
  #areCounted = false;
  #finish: FinishReason | undefined;
  #usage: TokenUsage | undefined;
  /** Of llama.cpp, where it tells no usage: on the last chunk, or, if it is asked to, on every one. */
  #timings: TokenUsage | undefined;

  constructor(options: ReplyOptions) {
    this.#options = options;
    this.text = new TextFlow({
      thinkTags: options.thinkTags,
      thoughtsStart: options.thoughtsStart ?? "marked",
      onThoughtsStart: options.onThoughtsStart,
      cumulativeDeltas: options.cumulativeDeltas,
      rescue: options.rescue,
      hasTools: options.holdsBlanks ?? options.tools.length > 0,
      say: (kind, text) => this.emit({ type: kind, text: jsonText(text) }),
    });
  }

  accept(chunk: CompletionChunk): void {
    this.#start(chunk.model);
    const choices = Array.isArray(chunk.choices) ? (chunk.choices as readonly CompletionChoice[]) : [];
    for (const choice of choices) {
      if (choice === null) continue;
      if ((choice.index ?? 0) === 0) this.#onFirst(choice);
      else if (choices.length === 1) this.#onNumbered(choice);
    }
    if (this.hasEnded) return;
    if (chunk.search_info != null) this.#tellSources((sources) => sources.fromSearch(chunk.search_info));
    if (chunk.usage != null) this.#usage = parseUsage(chunk.usage) ?? this.#usage;
    else if (chunk.timings != null) this.#timings = parseTimings(chunk.timings) ?? this.#timings;
    // The chunk of usage alone is the last one.
    if (choices.length === 0 && chunk.usage != null && this.#finish !== undefined) this.end();
  }

  /** `[DONE]`. */
  done(): void {
    this.#settleNumbered();
    if (this.#options.doneIsFinish && this.#hasStarted) this.#finish ??= "stop";
    this.end();
  }

  /** Ends well after a finish, else as a reply that was cut. */
  end(): void {
    this.#settleNumbered();
    if (this.hasEnded) return;
    if (this.#finish === undefined) return this.#fail(cutOff(this.#options.source));
    this.#calls?.settle(true);
    this.text.settle(this.#finish === "stop" && this.#callCount === 0);
    this.hasEnded = true;
    this.#tellUsage();
    this.emit({ type: "reply-end", finishReason: this.#reasonOf(this.#finish) });
  }

  /** What nobody can read is told once a reply, and the reply goes on. */
  skip(reason: string): void {
    if (!this.#hasSkipped) this.#options.onSkipped?.(reason);
    this.#hasSkipped = true;
  }

  refuse(refusal: UpstreamRefusal): void {
    if (this.hasEnded) return;
    // The reply was whole before: what breaks behind its end breaks nothing of it.
    if (this.#finish !== undefined) return this.end();
    this.#fail(this.#options.onRefusal?.(refusal) ?? refusal);
  }

  get #callCount(): number {
    return this.#calls?.count ?? 0;
  }

  #start(model: string | null | undefined): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    this.emit({ type: "reply-start", model: textOf(model) ?? this.#options.model });
  }

  #onFirst(choice: CompletionChoice): void {
    this.#second = undefined;
    this.#onChoice(choice);
  }

  /**
   * One choice is asked for, and another one is nobody's. But some servers count their chunks where its index belongs
   * (Foundry Local #263, 2025-09; text-generation-inference before PR 1648): a third one behind a second one tells.
   */
  #onNumbered(choice: CompletionChoice): void {
    const second = this.#second;
    this.#areCounted ||= second !== undefined && choice.index === 2;
    this.#second = this.#areCounted || choice.index !== 1 ? undefined : choice;
    if (!this.#areCounted) return;
    if (second !== undefined) this.#onChoice(second);
    if (!this.hasEnded) this.#onChoice(choice);
  }

  /** Nothing follows, and no other choice had an end: the one that waits is the reply's. */
  #settleNumbered(): void {
    const second = this.#second;
    this.#second = undefined;
    if (second !== undefined && this.#finish === undefined && !this.hasEnded) this.#onChoice(second);
  }

  #onChoice({ delta, message, finish_reason: reason }: CompletionChoice): void {
    const { source } = this.#options;
    // Some servers close with the whole message once more.
    const piece = delta ?? (this.#hasSaid || message == null ? undefined : numbered(message));
    const told = textOf(reason)?.toLowerCase();
    if (told === "error_finish" || told === "error") return this.refuse(classifyText(textIn(piece?.content), source));
    if (told === "abort" || told === "insufficient_system_resource") {
      return this.refuse(refusalOf("aborted", "gave up its answer: try again", source));
    }
    if (typeof piece === "object") this.#onDelta(piece);
    else if (piece !== undefined) this.skip("a delta that is no object");
    if (told !== undefined) this.#finish ??= finishReasons[told] ?? "stop";
  }

  #onDelta(delta: CompletionDelta): void {
    const thought = [delta.reasoning_content, delta.reasoning, delta.thinking].map(textOf).find(Boolean);
    // Both names may hold the same text: only one of them is said.
    if (thought !== undefined) this.text.accept("reasoning-delta", thought);
    const answer = textIn(delta.content);
    const refusal = answer === "" ? textOf(delta.refusal) : undefined;
    if (answer !== "") this.text.accept("text-delta", answer);
    else if (refusal) this.text.acceptRefusal(refusal);
    else if (!isReadable(delta.content)) this.skip("content that is no text");
    this.#hasSaid ||= Boolean(thought ?? refusal) || answer !== "";
    if (delta.annotations != null) this.#tellSources((sources) => sources.fromAnnotations(delta.annotations));
    const legacy = delta.function_call == null ? [] : [{ index: 0, function: delta.function_call }];
    const pieces = Array.isArray(delta.tool_calls) ? delta.tool_calls : legacy;
    if (pieces.length === 0) return;
    this.#hasSaid = true;
    this.text.beforeCall();
    this.#calls ??= this.#createCalls();
    for (const piece of pieces) if (piece !== null && typeof piece === "object") this.#calls.accept(piece);
  }

  #tellSources(read: (sources: ToldSources) => readonly Source[]): void {
    this.#sources ??= new ToldSources();
    for (const source of read(this.#sources)) this.emit({ type: "source", source });
  }

  #createCalls(): ToolCalls {
    const { tools, createId, onToolWarning } = this.#options;
    const emit = (event: UpstreamEvent): void => this.emit(event);
    return createToolCalls({ tools, createId, emit, ...(onToolWarning ? { onWarning: onToolWarning } : {}) });
  }

  /** Calls decide, unless the last of them was cut: then whoever runs it must not take it for whole. */
  #reasonOf(told: FinishReason): FinishReason {
    if (this.#callCount === 0) return told === "tool_calls" ? "stop" : told;
    if (this.#calls?.isCutOff) return "length";
    return told === "stop" ? "tool_calls" : told;
  }

  #fail(error: GatewayError): void {
    this.text.settle(false);
    this.#calls?.settle(false);
    this.hasEnded = true;
    this.#tellUsage();
    this.emit({ type: "reply-error", error });
  }

  #tellUsage(): void {
    const usage = this.#usage ?? this.#timings;
    if (usage === undefined) return;
    this.#options.onUsage?.(usage);
    this.emit({ type: "usage-update", usage });
  }
}

/** The calls of a whole message are whole themselves: each is another one, with or without an id and an index of its own. */
function numbered(message: CompletionDelta): CompletionDelta {
  const { tool_calls: calls } = message;
  if (!Array.isArray(calls) || calls.length < 2) return message;
  return { ...message, tool_calls: calls.map((call, index) => (isJsonObject(call) ? { ...call, index } : call)) };
}

/** A body that ended without a finish is a failure, never a `stop`. */
function cutOff(source: RefusalSource): UpstreamRefusal {
  return refusalOf("aborted", "broke off its answer before the end: send the message again", source);
}

/** Nothing, text or parts. */
function isReadable(content: unknown): boolean {
  return content == null || typeof content === "string" || Array.isArray(content);
}

/** Content as text; some adapters send parts. */
function textIn(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: unknown) => textOfPart(part)).join("");
}

function textOfPart(part: unknown): string {
  if (typeof part === "string") return part;
  return typeof part === "object" && part !== null && "text" in part ? (textOf(part.text) ?? "") : "";
}
