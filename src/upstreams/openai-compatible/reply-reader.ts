// One reply of a server, chunk by parsed chunk, to upstream events: the rules by which all dialects become one. The bytes
// around it are event-decoder.ts and json-decoder.ts.

import type { FinishReason, TokenUsage, UpstreamEvent } from "../../contract/events.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import { jsonText } from "../../contract/json.ts";
import type { CompletionChoice, CompletionChunk, CompletionDelta } from "../../wire/openai-compatible.ts";
import { classifyText, refusalOf, type RefusalSource } from "./errors.ts";
import { parseTimings, parseUsage } from "./parse-usage.ts";
import type { UpstreamRefusal } from "./refusal.ts";
import { createTextFlow, type Rescue, type TextFlow } from "./text-flow.ts";
import type { TextKind } from "./think-tags.ts";
import { createToolCalls } from "./tool-calls.ts";

export interface ReplyOptions {
  /** The model that was asked, where the reply names none. */
  readonly model: string;
  readonly source: RefusalSource;
  readonly thinkTags: boolean;
  readonly cumulativeDeltas: boolean;
  readonly doneIsFinish: boolean;
  readonly toolNames: readonly string[];
  readonly rescue: Rescue;
  /** Ids of calls that come without one. */
  readonly createId: () => string;
  /** Told of a refusal; returns the error to tell. @defaultValue the refusal itself */
  readonly onRefusal?: (refusal: UpstreamRefusal) => GatewayError;
  /** Told once a reply, at the first event that could not be understood. */
  readonly onSkipped?: (reason: string) => void;
  readonly onUsage?: (usage: TokenUsage) => void;
}

export type Emit = (event: UpstreamEvent) => void;

export interface ReplyReader {
  /** Where events go from now on. */
  emit: Emit;
  readonly text: TextFlow;
  readonly hasEnded: boolean;
  accept(chunk: CompletionChunk): void;
  /** `[DONE]`. */
  done(): void;
  /** Ends well after a finish, else as a reply that was cut. */
  end(): void;
  refuse(refusal: UpstreamRefusal): void;
}

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

export function createReplyReader(options: ReplyOptions): ReplyReader {
  const { source } = options;
  let hasStarted = false;
  let hasSaid = false;
  let finish: FinishReason | undefined;
  let usage: TokenUsage | undefined;
  const say = (kind: TextKind, text: string): void => reader.emit({ type: kind, text: jsonText(text) });
  const text = createTextFlow({ ...options, hasTools: options.toolNames.length > 0, say });
  const calls = createToolCalls({ ...options, emit: (event) => reader.emit(event) });

  function start(model: string | null | undefined): void {
    if (hasStarted) return;
    hasStarted = true;
    reader.emit({ type: "reply-start", model: stringOf(model) ?? options.model });
  }

  function accept(chunk: CompletionChunk): void {
    start(chunk.model);
    const choices = Array.isArray(chunk.choices) ? (chunk.choices as readonly CompletionChoice[]) : [];
    for (const choice of choices) if (choice !== null && (choice.index ?? 0) === 0) onChoice(choice);
    if (reader.hasEnded) return;
    if (chunk.usage != null) usage = parseUsage(chunk.usage) ?? usage;
    else if (chunk.timings != null) usage ??= parseTimings(chunk.timings);
    // The chunk of usage alone is the last one.
    if (choices.length === 0 && chunk.usage != null && finish !== undefined) end();
  }

  function onChoice({ delta, message, finish_reason: reason }: CompletionChoice): void {
    // Some servers close with the whole message once more.
    const piece = delta ?? (hasSaid ? undefined : message);
    const told = stringOf(reason)?.toLowerCase();
    if (told === "error_finish" || told === "error") return refuse(classifyText(textIn(piece?.content), source));
    if (told === "abort" || told === "insufficient_system_resource") {
      return refuse(refusalOf("aborted", "gave up its answer: try again", source));
    }
    if (piece != null) onDelta(piece);
    if (told !== undefined) finish ??= finishReasons[told] ?? "stop";
  }

  function onDelta(delta: CompletionDelta): void {
    const thought = [delta.reasoning_content, delta.reasoning, delta.thinking].map(stringOf).find(Boolean);
    // Both names may hold the same text: only one of them is said.
    if (thought !== undefined) text.reasoning(thought);
    const answer = textIn(delta.content) || (stringOf(delta.refusal) ?? "");
    if (answer !== "") text.content(answer);
    hasSaid ||= thought !== undefined || answer !== "";
    const legacy = delta.function_call == null ? [] : [{ index: 0, function: delta.function_call }];
    const pieces = Array.isArray(delta.tool_calls) ? delta.tool_calls : legacy;
    if (pieces.length === 0) return;
    hasSaid = true;
    text.beforeCall();
    for (const piece of pieces) if (piece !== null && typeof piece === "object") calls.accept(piece);
  }

  function done(): void {
    if (options.doneIsFinish && hasStarted) finish ??= "stop";
    end();
  }

  function end(): void {
    if (reader.hasEnded) return;
    if (finish === undefined) return fail(cutOff(source));
    calls.settle();
    text.settle(finish === "stop" && calls.count === 0);
    reader.hasEnded = true;
    tellUsage();
    reader.emit({ type: "reply-end", finishReason: reasonOf(finish) });
  }

  /** Calls decide, unless the last of them was cut: then whoever runs it must not take it for whole. */
  function reasonOf(told: FinishReason): FinishReason {
    if (calls.count === 0) return told === "tool_calls" ? "stop" : told;
    if (calls.isCutOff) return "length";
    return told === "stop" ? "tool_calls" : told;
  }

  function refuse(refusal: UpstreamRefusal): void {
    if (reader.hasEnded) return;
    // The reply was whole before: what breaks behind its end breaks nothing of it.
    if (finish !== undefined) return end();
    fail(options.onRefusal?.(refusal) ?? refusal);
  }

  function fail(error: GatewayError): void {
    text.settle(false);
    calls.settle();
    reader.hasEnded = true;
    tellUsage();
    reader.emit({ type: "reply-error", error });
  }

  function tellUsage(): void {
    if (usage === undefined) return;
    options.onUsage?.(usage);
    reader.emit({ type: "usage-update", usage });
  }

  const reader = {
    emit: ((): void => {}) as Emit,
    text,
    hasEnded: false,
    accept,
    done,
    end,
    refuse,
  };
  return reader;
}

/** A body that ended without a finish is a failure, never a `stop`. */
function cutOff(source: RefusalSource): UpstreamRefusal {
  return refusalOf("aborted", "broke off its answer before the end: send the message again", source);
}

function stringOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Content as text; some adapters send parts. */
function textIn(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: unknown) => textOfPart(part)).join("");
}

function textOfPart(part: unknown): string {
  if (typeof part === "string") return part;
  return typeof part === "object" && part !== null && "text" in part ? (stringOf(part.text) ?? "") : "";
}
