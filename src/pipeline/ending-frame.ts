// The last frame of a typed chat's stream: that of one that could not end by itself, and whether a frame is a last one.

import { formatSseEvent } from "../sse/sse-writer.ts";

/** @param lastId of the frame before */
export function chatEndingFrame(lastId: number, sentence: string): Uint8Array {
  return new TextEncoder().encode(`id: ${lastId + 1}\n${formatSseEvent({ error: sentence })}`);
}

/** @param frame whole, as a `FrameWriter` or `chatEndingFrame` has written it */
export function isChatEnding(frame: Uint8Array): boolean {
  return /^id: \d+\ndata: (?:\[DONE\]\n|\{"error":)/.test(new TextDecoder().decode(frame));
}
