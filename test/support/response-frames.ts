// What a client sees of a streamed response. Strict: throws on what breaks clients.

import { checkResponsesStream } from "./checkers/check-responses-stream.ts";
import { type Frame, parseFrames } from "./sse-frames.ts";

export interface ResponseEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Item {
  readonly id: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface ResponseStream {
  readonly frames: readonly Frame[];
  readonly events: readonly ResponseEvent[];
  readonly types: readonly string[];
  /** As `response.output_item.done` told them. */
  readonly items: readonly Item[];
  /** All pieces of text. */
  readonly text: string;
  /** Of the last event. */
  readonly response: Readonly<Record<string, unknown>>;
}

export function parseResponseStream(body: string): ResponseStream {
  const problems = checkResponsesStream(body);
  if (problems.length > 0) throw new Error(`clients break by the stream: ${problems.join("; ")}`);
  const frames = parseFrames(body);
  // The shapes are what the tests assert.
  const events = frames.map(({ data }) => JSON.parse(data) as ResponseEvent);
  for (const [index, event] of events.entries()) {
    if (event["sequence_number"] !== index)
      throw new Error(`event ${index} has number ${String(event["sequence_number"])}`);
    if (frames[index]?.event !== event.type) throw new Error(`event ${index} is not named ${event.type}`);
  }
  const response = events.at(-1)?.["response"];
  if (response === undefined) throw new Error("the stream does not end with a response");
  return {
    frames,
    events,
    types: events.map(({ type }) => type),
    items: events.filter(({ type }) => type === "response.output_item.done").map((event) => event["item"] as Item),
    text: events
      .filter(({ type }) => type === "response.output_text.delta")
      .map((event) => String(event["delta"]))
      .join(""),
    response: response as Record<string, unknown>,
  };
}
