// A whole answer on the pass-through lane: checked, and passed on as it came where it is sound. Where it is not, its events
// are told and the client's answer is made of them.

import type { UpstreamEvent } from "../../../contract/events.ts";
import { isJsonObject, type JsonObject } from "../../../contract/json.ts";
import type { EventDecoder, PassThrough } from "../../../contract/upstream.ts";
import type { CompletionChunk } from "../../../wire/openai-compatible.ts";
import type { PassOptions } from "./pass-reader.ts";
import { ReplyReader } from "../reply/reply-reader.ts";
import { firstChoice, isSound, PassedCalls } from "./sound-chunk.ts";
import { toldUsage } from "./told-chunk.ts";

export interface WholeAnswer {
  readonly decoder: EventDecoder;
  readonly passThrough: PassThrough | undefined;
}

const encoder = new TextEncoder();

/** @param text of `body`, which was parsed from it */
export function readWholeAnswer(text: string, body: JsonObject, options: PassOptions): WholeAnswer {
  const said: UpstreamEvent[] = [];
  // A body that came whole needs no finish to prove it.
  const reader = new ReplyReader({ ...options, doneIsFinish: true });
  reader.emit = (event) => void said.push(event);
  // Fields are checked one by one where they are used.
  reader.accept(body as CompletionChunk);
  reader.done();
  const deltas = said.filter((event) => !isAround(event));
  if (!isSoundAnswer(body, said, deltas)) return { decoder: tell(said), passThrough: undefined };
  const bytes = encoder.encode(
    body["model"] === options.toldModel ? text : JSON.stringify({ ...body, model: options.toldModel }),
  );
  const frames = { type: "frames", bytes, start: 0, end: bytes.length, isSemantic: deltas.length > 0 } as const;
  return { decoder: tell([frames, ...said.filter(isAround)]), passThrough: wholePassThrough };
}

/** Usage is in it, and nothing stands behind it. */
const wholePassThrough: PassThrough = { estimatedTokens: 0, closingFrames: () => "" };

function isAround({ type }: UpstreamEvent): boolean {
  return type === "reply-start" || type === "usage-update" || type === "reply-end" || type === "reply-error";
}

function tell(events: readonly UpstreamEvent[]): EventDecoder {
  return {
    pendingBytes: 0,
    feed() {},
    end(emit) {
      for (const event of events) emit(event);
    },
  };
}

/** What clients rely on is there, and means what it says. */
function isSoundAnswer(body: JsonObject, said: readonly UpstreamEvent[], deltas: readonly UpstreamEvent[]): boolean {
  const choice = firstChoice(body);
  const message = choice?.["message"];
  const end = said.at(-1);
  if (choice === undefined || !isJsonObject(message) || end?.type !== "reply-end") return false;
  if (message["role"] !== "assistant" || choice["finish_reason"] !== end.finishReason) return false;
  if (message["reasoning"] != null && message["reasoning_content"] == null) return false;
  // Sent back by its client, it would be refused as a message without content.
  if (message["content"] == null && message["refusal"] == null && deltas.length === 0) return false;
  if (!isJsonObject(body["usage"]) || toldUsage(body["usage"]) !== body["usage"]) return false;
  // Calls of a whole message have no indexes.
  const calls = message["tool_calls"] ?? [];
  const indexed = Array.isArray(calls) ? calls.map((call: unknown, index) => ({ index, ...(call as object) })) : calls;
  const delta = { ...message, tool_calls: indexed };
  return isSound(body, { ...choice, message: undefined, delta }, deltas, new PassedCalls());
}
