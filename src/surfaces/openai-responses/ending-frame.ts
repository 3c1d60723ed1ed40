// The last event of a stream: that of one that could not end by itself, of which nobody is left who knows what it has said,
// and whether an event is a last one.

import { formatSseEvent } from "../../sse/sse-writer.ts";

export interface Ending {
  readonly status: "failed" | "cancelled";
  readonly sentence: string;
}

/** @param lastId of the frame before; the frames of such a stream have ids from 1 */
export function responseEndingFrame(lastId: number, id: string, { status, sentence }: Ending): Uint8Array {
  const error = { code: status === "failed" ? "internal" : status, message: sentence };
  const response = { id, object: "response", status, background: true, error, incomplete_details: null, output: [] };
  const type = "response.failed";
  const frame = formatSseEvent({ type, sequence_number: lastId, response }, type);
  return new TextEncoder().encode(`id: ${lastId + 1}\n${frame}`);
}

/** @param frame whole, with its id */
export function isResponseEnding(frame: Uint8Array): boolean {
  return /^id: \d+\nevent: response\.(?:completed|incomplete|failed)\n/.test(new TextDecoder().decode(frame));
}
