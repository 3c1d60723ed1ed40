// The recorded streams and answers of the Qwen web backend, and what a decoder makes of them.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { UpstreamEvent } from "../../src/contract/events.ts";
import type { EventDecoder } from "../../src/contract/upstream.ts";

const folder = join(import.meta.dir, "../fixtures/qwen-web");

export const qwenStreams: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith(".sse"))
  .sort();

export function readRecording(name: string): Uint8Array {
  return readFileSync(join(folder, name));
}

/** An event as plain data: texts decoded, errors by kind, so that runs can be compared. */
export type PlainEvent = Readonly<Record<string, unknown>> & { readonly type: string };

export function decodeAll(decoder: EventDecoder, chunks: readonly Uint8Array[]): PlainEvent[] {
  const events: PlainEvent[] = [];
  const emit = (event: UpstreamEvent): void => void events.push(plain(event));
  for (const chunk of chunks) decoder.feed(chunk, emit);
  decoder.end(emit);
  return events;
}

function plain(event: UpstreamEvent): PlainEvent {
  if ("text" in event) {
    const json: unknown = JSON.parse(new TextDecoder().decode(event.text.json));
    if (json !== event.text.text) throw new Error("json and text of a delta differ");
    return { type: event.type, text: event.text.text };
  }
  if ("error" in event) return { type: event.type, kind: event.error.kind, message: event.error.message };
  return { ...event };
}

/** The same bytes in two pieces. */
export function cutAt(bytes: Uint8Array, at: number): Uint8Array[] {
  return [bytes.slice(0, at), bytes.slice(at)];
}
