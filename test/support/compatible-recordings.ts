// The recorded streams and refusals of servers that speak OpenAI chat completions, and a decoder with predictable ids.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createEventDecoder, type DecoderOptions } from "../../src/upstreams/openai-compatible/reply/event-decoder.ts";
import { decodeAll, type PlainEvent } from "./recordings.ts";

const folder = join(import.meta.dir, "../fixtures/openai-compatible");

export const compatibleStreams: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith(".sse"))
  .sort();

export function readCompatible(name: string): Uint8Array {
  return readFileSync(join(folder, name));
}

export const testSource = { upstream: "mine", displayName: "The server", rows: [] };

export interface DecoderChanges extends Partial<DecoderOptions> {
  /** Tools that take anything. */
  readonly toolNames?: readonly string[];
}

export function createTestDecoder({ toolNames = [], ...changes }: DecoderChanges = {}) {
  let ids = 0;
  return createEventDecoder({
    model: "asked-model",
    source: testSource,
    thinkTags: true,
    cumulativeDeltas: false,
    doneIsFinish: false,
    tools: toolNames.map((name) => ({ name, description: undefined, parameters: {} })),
    rescue: "none",
    createId: () => `made-${++ids}`,
    ...changes,
  });
}

/** What a decoder says of event data, each given as an object or as text. */
export function decodeEvents(events: readonly (object | string)[], changes: DecoderChanges = {}): PlainEvent[] {
  const text = events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join("");
  return decodeAll(createTestDecoder(changes), [new TextEncoder().encode(text)]);
}

/** One chunk with one choice. */
export function chunk(delta: object, finishReason: string | null = null): object {
  return {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: "qwen3.6-27b",
    choices: [{ index: 0, delta, finish_reason: finishReason }],
  };
}

export const finish = (reason = "stop"): object => chunk({}, reason);

export function usageChunk(usage: object): object {
  return { id: "chatcmpl-1", object: "chat.completion.chunk", model: "qwen3.6-27b", choices: [], usage };
}

export function textOf(events: readonly PlainEvent[], type = "text-delta"): string {
  return events.map((event) => (event.type === type ? event["text"] : "")).join("");
}

export interface PlainCall {
  readonly callId: string;
  readonly toolName: string;
  argumentsText: string;
}

/** Calls put together from their events. */
export function callsOf(events: readonly PlainEvent[]): PlainCall[] {
  const calls: PlainCall[] = [];
  for (const event of events) {
    if (event.type === "tool-call-start") {
      calls.push({ callId: String(event["callId"]), toolName: String(event["toolName"]), argumentsText: "" });
    }
    const call = calls.find(({ callId }) => callId === event["callId"]);
    if (event.type === "tool-call-delta" && call !== undefined) call.argumentsText += String(event["argumentsText"]);
  }
  return calls;
}
