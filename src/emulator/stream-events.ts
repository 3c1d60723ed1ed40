// The events of a reply, byte for byte as the backend writes them. Each function gives one event with its blank line.

import type { Json } from "../contract/json.ts";
import { pythonJson } from "./python-json.ts";
import type { SearchSource, Thought } from "./script.ts";

/** What is equal in all events of one reply. */
export interface EventFrame {
  readonly chatId: string;
  readonly userId: string;
  readonly responseId: string;
  readonly responseIndex: number;
  /** False where the request left out `output_schema`. */
  readonly withPhase: boolean;
  /** The shape of 2025-10: no `response_id`, no `timestamp`, `cached_tokens` at the top of the usage. */
  readonly legacy: boolean;
  /** Unix seconds of now. */
  nowSeconds(): number;
}

export interface UsageCount {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly cachedTokens: number;
}

type Members = Readonly<Record<string, Json>>;

/** Formatted by hand at the backend: two keys without a space behind the colon, and a space at the end. */
export function createdEvent(frame: EventFrame): string {
  const index = frame.legacy ? "" : `, "response_index": "${frame.responseIndex}"`;
  return `data: {"response.created":{"chat_id": "${frame.chatId}", "parent_id": "${frame.userId}", "response_id":"${frame.responseId}"${index}}} \n\n`;
}

export function keepAliveEvent(frame: EventFrame): string {
  const { chatId, responseId } = frame;
  return event({
    "response.info": {
      action: "keep_alive",
      chat_id: chatId,
      response_id: responseId,
      timestamp: frame.nowSeconds(),
    },
  });
}

/** Text of the phases `answer` and `think`. */
export function textEvent(frame: EventFrame, phase: string, content: string, usage: UsageCount): string {
  return delta(
    frame,
    { role: "assistant", content, ...phaseOf(frame, phase), status: "typing" },
    usageOf(frame, usage),
  );
}

/** Titles and thoughts so far: each snapshot holds all of them. */
export function thinkingSummaryEvent(frame: EventFrame, thoughts: readonly Thought[], usage: UsageCount): string {
  const extra = summaryExtra(thoughts);
  const phase = phaseOf(frame, "thinking_summary");
  return delta(frame, { role: "assistant", content: "", ...phase, extra, status: "typing" }, usageOf(frame, usage));
}

export function summaryExtra(thoughts: readonly Thought[]): Json {
  return {
    summary_title: { content: thoughts.map((entry) => entry.title) },
    summary_thought: { content: thoughts.map((entry) => entry.thought) },
  };
}

/** `thinking_summary` ends without usage; `think` ends with it (the latter is not captured, only described). */
export function thinkingFinishedEvent(frame: EventFrame, phase: string, usage: UsageCount | undefined): string {
  const members = { role: "assistant", content: "", ...phaseOf(frame, phase), status: "finished" };
  return delta(frame, members, usage === undefined ? undefined : usageOf(frame, usage));
}

/** `argumentsText` is cumulative. */
export function searchCallEvent(
  frame: EventFrame,
  functionId: string,
  argumentsText: string,
  usage: UsageCount,
): string {
  const members = {
    role: "assistant",
    content: "",
    phase: "web_search",
    status: "typing",
    function_call: { name: "web_search", arguments: argumentsText },
    function_id: functionId,
    extra: { display_position: "think" },
  };
  return delta(frame, members, usageOf(frame, usage));
}

export function searchResultEvent(frame: EventFrame, functionId: string, sources: readonly SearchSource[]): string {
  const results = sources.map((source) => ({
    url: source.url,
    title: source.title,
    snippet: source.snippet ?? "",
    date: source.date ?? "",
    hostname: URL.parse(source.url)?.hostname ?? "",
    hostlogo: "",
  }));
  const members = {
    role: "function",
    content: "",
    phase: "web_search",
    extra: {
      web_search_info: results,
      tool_result: { docs: results },
      function_id: functionId,
      display_position: "think",
    },
    status: "finished",
    name: "web_search",
    function_id: functionId,
  };
  return delta(frame, members, {});
}

export function imageEvent(frame: EventFrame, url: string, imageCount: number): string {
  const [height, width] = [1536, 2688];
  const members = {
    role: "assistant",
    content: url,
    phase: "image_gen",
    extra: { output_image_hw: [[height, width]] },
    status: "typing",
  };
  const usage = { input_tokens: 0, output_tokens: 0, characters: 0, width, image_count: imageCount, height };
  return delta(frame, members, usage);
}

/** Other key order than the deltas, no usage, no timestamp. */
export function finishEvent(frame: EventFrame, phase: string): string {
  const members = { content: "", role: "assistant", status: "finished", ...phaseOf(frame, phase) };
  return event({ choices: [{ delta: members }], ...idOf(frame) });
}

export function errorEvent(frame: EventFrame, code: string, details: string): string {
  return event({ error: { code, details }, ...idOf(frame) });
}

export function errorTextEvent(text: string): string {
  return event({ error: text });
}

export function unknownEvent(frame: EventFrame): string {
  return event({ "response.notice": { level: "info", text: "unknown to clients" }, ...idOf(frame) });
}

function delta(frame: EventFrame, members: Members, usage: Json | undefined): string {
  return event({
    choices: [{ delta: members }],
    ...idOf(frame),
    ...(usage === undefined ? {} : { usage }),
    ...(frame.legacy ? {} : { timestamp: frame.nowSeconds() }),
  });
}

function event(members: Members): string {
  return `data: ${pythonJson(members)}\n\n`;
}

function idOf(frame: EventFrame): Members {
  return frame.legacy ? {} : { response_id: frame.responseId };
}

function phaseOf(frame: EventFrame, phase: string): Members {
  return frame.withPhase ? { phase } : {};
}

function usageOf(frame: EventFrame, usage: UsageCount): Json {
  const { inputTokens, outputTokens, reasoningTokens, cachedTokens } = usage;
  return {
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    characters: 0,
    total_tokens: inputTokens + outputTokens,
    input_tokens_details: { text_tokens: inputTokens },
    output_tokens_details: {
      ...(reasoningTokens > 0 ? { reasoning_tokens: reasoningTokens } : {}),
      text_tokens: outputTokens,
    },
    ...(frame.legacy ? { cached_tokens: cachedTokens } : { prompt_tokens_details: { cached_tokens: cachedTokens } }),
  };
}
