// Chat events to the events of a response. Hot: what a delta begins with is prepared once an item, text travels as raw JSON.

import { AnswerRoom } from "../../contract/answer-too-long.ts";
import type { ChatRequest } from "../../contract/chat-request.ts";
import type { ChatEvent, ReplyIdentity, Source } from "../../contract/events.ts";
import { stringifyExact } from "../../contract/exact-json.ts";
import type { Json, JsonText } from "../../contract/json.ts";
import type { EventEncoder } from "../../contract/surface.ts";
import { ByteWriter } from "../../sse/byte-writer.ts";
import { commentFrame } from "../../sse/sse-writer.ts";
import { encodeError } from "./encode-error.ts";
import { errorEvent, errorFields } from "./error-event.ts";
import type { ItemStatus, OutputItem } from "./items.ts";
import { type OpenItem, openItem } from "./open-item.ts";
import type { DeclaredTool } from "./parse-tools.ts";
import {
  asksForSealedThoughts,
  declaredTools,
  echoOf,
  encodeEcho,
  endedStatus,
  responseHead,
  responseObject,
  type ResponseObject,
  type ResponseState,
  responseUsage,
} from "./response-object.ts";

const encoder = new TextEncoder();
const heartbeatFrame = commentFrame("keepalive");

/** Told the response as it has become, before its last event is written. */
export type OnEnd = (response: ResponseObject) => void;

export interface EncoderOptions {
  readonly onEnd?: OnEnd | undefined;
  /** Every frame begins with an `id:`, counted from 1, and the only heartbeat is the start: for streams that are read on. */
  readonly hasIds?: boolean;
}

export interface ResponseEncoder extends EventEncoder {
  /** Tells an item in one piece. */
  wholeItem(item: OutputItem): void;
}

export function createEventEncoder(
  request: ChatRequest,
  identity: ReplyIdentity,
  options: EncoderOptions = {},
): ResponseEncoder {
  return new Encoder(request, identity, options);
}

class Encoder implements ResponseEncoder {
  readonly #writer = new ByteWriter();
  readonly #request: ChatRequest;
  readonly #identity: ReplyIdentity;
  readonly #onEnd: OnEnd | undefined;
  readonly #hasIds: boolean;
  readonly #tools: ReadonlyMap<string, DeclaredTool>;
  readonly #output: OutputItem[] = [];
  /** Of all items: the last event tells them once more. */
  readonly #room = new AnswerRoom();
  /** What its response repeats of its request, in each of the events that tell all of it. */
  #echo: Uint8Array | undefined;
  #sequence = 0;
  #hasStarted = false;
  #item: OpenItem | undefined;
  /** What a delta of the open item begins with. */
  #deltaStart: Uint8Array = new Uint8Array(0);
  /** Its end was told. It is written with the next event, which says whether the item is complete. */
  #isEnding = false;
  /** Told, and not yet in any text. */
  #sources: Source[] = [];

  constructor(request: ChatRequest, identity: ReplyIdentity, { onEnd, hasIds = false }: EncoderOptions) {
    this.#request = request;
    this.#identity = identity;
    this.#onEnd = onEnd;
    this.#hasIds = hasIds;
    this.#tools = declaredTools(request);
  }

  write(event: ChatEvent): void {
    switch (event.type) {
      case "text-delta":
      case "refusal-delta":
      case "reasoning-delta":
        return this.#textDelta(event.text);
      case "tool-call-delta":
        return this.#callDelta(event.argumentsText);
      case "reply-start":
        return this.#start();
      case "block-start":
        this.#endItem("completed");
        return this.#startItem(event);
      case "block-end":
        this.#isEnding = true;
        return;
      case "source":
        this.#sources.push(event.source);
        return;
      case "reply-end":
        this.#endItem(endedStatus(event.finishReason));
        return this.#end(`response.${endedStatus(event.finishReason)}`, {
          status: "ended",
          finishReason: event.finishReason,
          usage: event.usage,
        });
      case "reply-error":
        this.#start();
        this.#event(errorEvent, errorFields(encodeError(event.error)));
        return this.#end("response.failed", { status: "failed", error: event.error });
      case "stop-sequence":
        // This protocol has none.
        return;
      default:
        event satisfies never;
    }
  }

  wholeItem(item: OutputItem): void {
    const fields = { output_index: this.#output.length, item };
    this.#event("response.output_item.added", fields);
    this.#event("response.output_item.done", fields);
    this.#output.push(item);
  }

  writeHeartbeat(): void {
    // Whoever is to read on has to know the id, however long the first word takes.
    if (this.#hasIds) this.#start();
    else this.#writer.bytes(heartbeatFrame);
  }

  get pendingBytes(): number {
    return this.#writer.length;
  }

  take(): Uint8Array {
    return this.#writer.take();
  }

  #start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    this.#responseEvent("response.created", { status: "in_progress" });
    this.#responseEvent("response.in_progress", { status: "in_progress" });
  }

  #startItem(event: Extract<ChatEvent, { type: "block-start" }>): void {
    this.#room.addEntry();
    const item = openItem(event, {
      identity: this.#identity,
      outputIndex: this.#output.length,
      tool: event.block === "tool-call" ? this.#tools.get(event.toolName) : undefined,
      isSealedAsked: asksForSealedThoughts(this.#request),
    });
    this.#item = item;
    for (const { type, fields } of item.opening()) this.#event(type, fields);
    const start = JSON.stringify({ type: item.deltaType, ...item.place }).slice(0, -1);
    this.#deltaStart = encoder.encode(`event: ${item.deltaType}\ndata: ${start},"delta":`);
  }

  #endItem(status: ItemStatus): void {
    const item = this.#item;
    if (item === undefined || !this.#isEnding) return;
    this.#item = undefined;
    this.#isEnding = false;
    const sources = item.takesSources ? this.#sources.splice(0) : [];
    const closing = item.closing(status, sources);
    for (const { type, fields } of closing.events) this.#event(type, fields);
    this.#output.push(closing.item);
  }

  #textDelta(text: JsonText): void {
    this.#room.addWords(text.end - text.start);
    this.#item?.text.append(text);
    this.#writeId();
    this.#writer.bytes(this.#deltaStart);
    this.#writer.range(text.bytes, text.start, text.end);
    this.#endDelta();
  }

  #callDelta(argumentsText: string): void {
    const item = this.#item;
    if (item === undefined) return;
    item.argumentsText += argumentsText;
    // The text of a custom tool stands within the arguments: it is there when they are.
    if (item.isHeld) return;
    this.#writeId();
    this.#writer.bytes(this.#deltaStart);
    this.#writer.text(JSON.stringify(argumentsText));
    this.#endDelta();
  }

  #writeId(): void {
    if (this.#hasIds) this.#writer.text(`id: ${this.#sequence + 1}\n`);
  }

  #endDelta(): void {
    this.#writer.text(`,"sequence_number":${this.#sequence++}}\n\n`);
  }

  #end(type: string, state: ResponseState): void {
    this.#onEnd?.(responseObject(echoOf(this.#request), this.#identity, state, this.#output));
    this.#responseEvent(type, state);
  }

  #responseEvent(type: string, state: ResponseState): void {
    this.#echo ??= encoder.encode(encodeEcho(echoOf(this.#request)));
    const start = JSON.stringify({ type, sequence_number: this.#sequence }).slice(0, -1);
    const head = stringifyExact(responseHead(this.#identity, state, this.#output)).slice(0, -1);
    this.#writeId();
    this.#sequence++;
    this.#writer.text(`event: ${type}\ndata: ${start},"response":${head},`);
    this.#writer.bytes(this.#echo);
    this.#writer.text(`,"usage":${JSON.stringify(responseUsage(state))}}}\n\n`);
  }

  #event(type: string, fields: { readonly [field: string]: Json }): void {
    this.#writeId();
    const data = stringifyExact({ type, sequence_number: this.#sequence++, ...fields });
    this.#writer.text(`event: ${type}\ndata: ${data}\n\n`);
  }
}
