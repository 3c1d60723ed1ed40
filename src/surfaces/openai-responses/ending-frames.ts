// The last events of a stream: those of one that could not end by itself, of which nobody is left who knows what it has said,
// and whether an event is a last one.

import { formatSseEvent } from "../../sse/sse-writer.ts";
import { errorEvent, errorFields } from "./error-event.ts";

export interface Ending {
  readonly status: "failed" | "cancelled";
  readonly sentence: string;
}

/** @param lastId of the frame before; the frames of such a stream have ids from 1 */
export function responseEndingFrames(lastId: number, id: string, { status, sentence }: Ending): Uint8Array[] {
  const error = { code: status === "failed" ? "internal" : status, message: sentence };
  const response = { id, object: "response", status, background: true, error, incomplete_details: null, output: [] };
  const failure = { type: errorEvent, ...errorFields({ error: { ...error, type: "api_error", param: null } }) };
  const end = { type: "response.failed", response };
  // What was cancelled has not failed: somebody wished it.
  const events = status === "failed" ? [failure, end] : [end];
  return events.map((event, index) => frameOf(lastId + index, event));
}

function frameOf(sequenceNumber: number, event: { readonly type: string }): Uint8Array {
  const { type, ...fields } = event;
  const frame = formatSseEvent({ type, sequence_number: sequenceNumber, ...fields }, type);
  return new TextEncoder().encode(`id: ${sequenceNumber + 1}\n${frame}`);
}

/** @param frame whole, with its id */
export function isResponseEnding(frame: Uint8Array): boolean {
  return /^id: \d+\nevent: response\.(?:completed|incomplete|failed)\n/.test(new TextDecoder().decode(frame));
}
