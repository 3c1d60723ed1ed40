// The event stream of a chat completion to upstream events: bytes, errors in every form, the end. What a chunk means is
// reply-reader.ts. Plain deltas are recognised by their bytes and never parsed: 0.3 against 1.6 µs each (2026-11). Hot.

import { isJsonObject, type JsonObject, type JsonText } from "../../contract/json.ts";
import type { EventDecoder } from "../../contract/upstream.ts";
import { createSseDecoder } from "../../sse/sse-decoder.ts";
import type { CompletionChunk } from "../../wire/openai-compatible.ts";
import { JsonTextTemplate } from "../json-text-template.ts";
import { parseObject, statusComment } from "./error-body.ts";
import { classifyEvent } from "./errors.ts";
import { createReplyReader, type ReplyOptions } from "./reply-reader.ts";
import type { TextKind } from "./think-tags.ts";

export interface DecoderOptions extends ReplyOptions {
  readonly maxLineBytes?: number;
}

/** The fields of a delta that hold text, in the order in which they count. */
const textFields: readonly (readonly [field: string, kind: TextKind])[] = [
  ["reasoning_content", "reasoning-delta"],
  ["reasoning", "reasoning-delta"],
  ["content", "text-delta"],
];
/** A stream whose chunks never repeat their shape (log probabilities, say) is not learnt for ever. */
const maxUselessShapes = 16;

interface Learnt {
  readonly template: JsonTextTemplate;
  /** One object serves all deltas of this shape. */
  readonly event: { readonly type: TextKind; readonly text: JsonText };
}

/** Decodes one reply, cut anywhere. Events are valid only while they are emitted. */
export function createEventDecoder(options: DecoderOptions): EventDecoder {
  const decoder = new TextDecoder();
  const reader = createReplyReader(options);
  let learnt: Learnt | undefined;
  let uselessShapes = 0;
  let hasSkipped = false;
  let toldStatus: number | undefined;

  const sse = createSseDecoder(
    {
      event({ type, data }) {
        if (reader.hasEnded || passOn(data)) return;
        parse(data, type === "error");
      },
      comment(text) {
        // Keep-alive mostly; DashScope's native errors tell their status in one.
        if (text.length < 64) toldStatus = statusComment(decoder.decode(text)).status ?? toldStatus;
      },
    },
    options.maxLineBytes === undefined ? {} : { maxLineBytes: options.maxLineBytes },
  );

  /** Whether the event was of the shape that is known, and nobody had to look closer. */
  function passOn(data: Uint8Array): boolean {
    if (learnt === undefined || !learnt.template.match(data)) return false;
    const { template, event } = learnt;
    if (!reader.text.passes(event.type, event.text.json)) return false;
    uselessShapes = 0;
    if (!template.isEmpty) reader.emit(event);
    return true;
  }

  function parse(data: Uint8Array, isErrorEvent: boolean): void {
    const text = decoder.decode(data).trim();
    if (text === "[DONE]") return reader.done();
    const event = parseObject(text);
    if (event === undefined) return text === "" ? undefined : skip("no JSON object");
    const refusal = classifyEvent(event, isErrorEvent, toldStatus, options.source);
    if (refusal !== undefined) return reader.refuse(refusal);
    // Fields are checked one by one where they are used.
    const chunk = event as CompletionChunk;
    if (!Array.isArray(chunk.choices) && chunk.usage == null) return skip("unknown event");
    reader.accept(chunk);
    if (uselessShapes < maxUselessShapes && !reader.hasEnded) learn(data, event);
  }

  function learn(data: Uint8Array, event: JsonObject): void {
    const found = plainText(event);
    if (found === undefined) return;
    const [field, kind, text] = found;
    const template = JsonTextTemplate.learn(data, field, text, (probe) => plainText(probe)?.[2]);
    uselessShapes++;
    if (template !== undefined) learnt = { template, event: { type: kind, text: template.text } };
  }

  function skip(reason: string): void {
    if (hasSkipped) return;
    hasSkipped = true;
    options.onSkipped?.(reason);
  }

  return {
    get pendingBytes() {
      return sse.pendingBytes;
    },
    feed(chunk, emit) {
      reader.emit = emit;
      sse.feed(chunk);
    },
    end(emit) {
      reader.emit = emit;
      sse.end();
      reader.end();
    },
  };
}

/** The one text of a chunk that says nothing else; undefined for whatever has to be looked at closer. */
function plainText(event: unknown): readonly [field: string, kind: TextKind, text: string] | undefined {
  if (!isJsonObject(event) || !Array.isArray(event["choices"]) || event["choices"].length !== 1) return undefined;
  if (event["usage"] != null || event["error"] != null || event["timings"] != null) return undefined;
  const choice: unknown = event["choices"][0];
  if (!isJsonObject(choice) || (choice["index"] ?? 0) !== 0 || choice["finish_reason"] != null) return undefined;
  const delta = choice["delta"];
  if (!isJsonObject(delta) || delta["tool_calls"] != null || delta["function_call"] != null) return undefined;
  if (delta["refusal"] != null || delta["thinking"] != null) return undefined;
  const texts = textFields.filter(([field]) => delta[field] != null && delta[field] !== "");
  const [first] = texts;
  if (first === undefined || texts.length > 1) return undefined;
  const [field, kind] = first;
  const text = delta[field];
  return typeof text === "string" ? [field, kind, text] : undefined;
}
