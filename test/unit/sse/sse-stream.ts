// Helpers of the SSE tests: streams cut in all manners, and a slow, obvious reading of the grammar to compare with.

import { createSseDecoder, type SseDecoderOptions } from "../../../src/sse/sse-decoder.ts";

export interface ReadEvent {
  readonly type: string;
  readonly data: string;
  readonly id: string;
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** Events of chunks. Each chunk is overwritten after its feed, so that a view kept too long shows. */
export function decodeChunks(chunks: readonly Uint8Array[], options: SseDecoderOptions = {}): ReadEvent[] {
  const events: ReadEvent[] = [];
  const decoder = createSseDecoder(
    { event: (event) => events.push({ type: event.type, data: textOf(event.data), id: event.id }) },
    options,
  );
  for (const chunk of chunks) {
    const own = chunk.slice();
    decoder.feed(own);
    own.fill(0x23);
  }
  decoder.end();
  if (decoder.pendingBytes !== 0) throw new Error(`${decoder.pendingBytes} bytes were kept after the end`);
  return events;
}

export const decodeText = (text: string): ReadEvent[] => decodeChunks([bytesOf(text)]);

export function cutAt(bytes: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  const edges = [0, ...[...new Set(offsets)].sort((a, b) => a - b).filter((at) => at > 0 && at < bytes.length)];
  return edges.map((start, index) => bytes.subarray(start, edges[index + 1] ?? bytes.length));
}

export const singleBytes = (bytes: Uint8Array): Uint8Array[] =>
  Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));

/** The grammar by whole strings. A last event without blank line counts, as in the decoder. */
export function readEventsSlowly(text: string): ReadEvent[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  if (lines.at(-1) === "") lines.pop();
  const events: ReadEvent[] = [];
  let event: { type: string; data: string[] } = { type: "", data: [] };
  let id = "";
  for (const line of [...lines, ""]) {
    if (line === "") {
      if (event.data.length > 0) events.push({ type: event.type || "message", data: event.data.join("\n"), id });
      event = { type: "", data: [] };
      continue;
    }
    const [, name, value = ""] = /^([^:]*):? ?([\s\S]*)$/.exec(line) ?? [];
    const content = line.includes(":") ? value : "";
    if (name === "data") event.data.push(content);
    if (name === "event") event.type = content;
    if (name === "id" && !content.includes("\0")) id = content;
  }
  return events;
}
