// Chat events to the events of a message stream. Hot: what the deltas of a block begin with is prepared once, text travels as
// raw JSON.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { ChatEvent, ReplyIdentity, Source } from "../../contract/events.ts";
import type { JsonText } from "../../contract/json.ts";
import type { EventEncoder } from "../../contract/surface.ts";
import { estimatePromptRoughly } from "../../conversation/estimate-prompt.ts";
import { ByteWriter } from "../../sse/byte-writer.ts";
import { formatSseEvent } from "../../sse/sse-writer.ts";
import { encodeCallId } from "./call-ids.ts";
import { anthropicErrorBody } from "./error-body.ts";
import {
  encodeCitation,
  encodeStop,
  encodeUsage,
  hidesThoughts,
  messageId,
  parseInput,
  signatureOf,
} from "./reply-fields.ts";

const encoder = new TextEncoder();
const deltaEnd = encoder.encode("}}\n\n");
/** UTF-16 units of an input that is told only when it is known to be one. Longer ones are told as they come. */
const maxHeldInput = 4096;
const pingFrame = encoder.encode(formatSseEvent({ type: "ping" }, "ping"));

/** Order as clients demand it: `message_start`, one block after the other, `message_delta`, `message_stop`. */
export function createEventEncoder(request: ChatRequest, identity: ReplyIdentity): EventEncoder {
  return new Encoder(request, identity);
}

type BlockStart = Extract<ChatEvent, { readonly type: "block-start" }>;

class Encoder implements EventEncoder {
  readonly #writer = new ByteWriter();
  readonly #request: ChatRequest;
  readonly #identity: ReplyIdentity;
  readonly #hidesThoughts: boolean;
  #hasStarted = false;
  /** What all deltas of the open block begin with. */
  #deltaStart: Uint8Array = new Uint8Array(0);
  #stopSequence: string | undefined;
  #isRefused = false;
  /** Pages that were searched, for the end of the next text. Undefined: none. */
  #sources: Source[] | undefined;
  /** What was said of a call's input and is held. Undefined: it is told as it comes. */
  #input: string | undefined;

  constructor(request: ChatRequest, identity: ReplyIdentity) {
    this.#request = request;
    this.#identity = identity;
    this.#hidesThoughts = hidesThoughts(request);
  }

  write(event: ChatEvent): void {
    switch (event.type) {
      case "text-delta":
      case "refusal-delta":
        return this.#delta(event.text);
      case "reasoning-delta":
        if (!this.#hidesThoughts) this.#delta(event.text);
        return;
      case "tool-call-delta":
        return this.#inputDelta(event.argumentsText);
      case "reply-start":
        return this.#start();
      case "block-start":
        return this.#startBlock(event);
      case "block-end":
        if (event.block === "reasoning") this.#sign(event.index);
        if (event.block === "text") this.#cite(event.index);
        if (event.block === "tool-call") this.#endInput();
        return this.#event({ type: "content_block_stop", index: event.index });
      case "stop-sequence":
        this.#stopSequence = event.sequence;
        return;
      case "reply-end":
        this.#event({
          type: "message_delta",
          delta: encodeStop(this.#isRefused ? "content_filter" : event.finishReason, this.#stopSequence),
          usage: encodeUsage(event.usage),
        });
        return this.#event({ type: "message_stop" });
      case "reply-error":
        return this.#event(anthropicErrorBody(event.error));
      case "source":
        this.#sources ??= [];
        this.#sources.push(event.source);
        return;
      default:
        event satisfies never;
    }
  }

  /** The head went out before the first word: a message begins with its start all the same. */
  writeHeartbeat(): void {
    this.#start();
    this.#writer.bytes(pingFrame);
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
    // Clients want to know what the prompt costs before the upstream has counted it.
    const inputTokens = estimatePromptRoughly(this.#request);
    this.#event({
      type: "message_start",
      message: {
        id: messageId(this.#identity),
        type: "message",
        role: "assistant",
        model: this.#identity.model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: encodeUsage({ inputTokens, outputTokens: 0, totalTokens: inputTokens }),
      },
    });
  }

  #startBlock(event: BlockStart): void {
    const { index } = event;
    switch (event.block) {
      case "text":
      case "refusal":
        this.#isRefused ||= event.block === "refusal";
        this.#prepareDelta(index, "text_delta", "text");
        return this.#event({ type: "content_block_start", index, content_block: { type: "text", text: "" } });
      case "reasoning":
        this.#prepareDelta(index, "thinking_delta", "thinking");
        return this.#event({
          type: "content_block_start",
          index,
          content_block: { type: "thinking", thinking: "", signature: "" },
        });
      case "tool-call": {
        this.#prepareDelta(index, "input_json_delta", "partial_json");
        this.#input = "";
        const id = encodeCallId(event.callId);
        return this.#event({
          type: "content_block_start",
          index,
          content_block: { type: "tool_use", id, name: event.toolName, input: {} },
        });
      }
    }
  }

  #sign(index: number): void {
    const signature = signatureOf(this.#identity);
    this.#event({ type: "content_block_delta", index, delta: { type: "signature_delta", signature } });
  }

  #cite(index: number): void {
    for (const source of this.#sources ?? []) {
      const delta = { type: "citations_delta", citation: encodeCitation(source) };
      this.#event({ type: "content_block_delta", index, delta });
    }
    this.#sources = undefined;
  }

  #prepareDelta(index: number, type: string, field: string): void {
    this.#deltaStart = encoder.encode(
      `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${field}":`,
    );
  }

  #inputDelta(text: string): void {
    if (this.#input === undefined) return this.#writeInput(text);
    this.#input += text;
    const isLong = this.#input.length > maxHeldInput;
    if (isLong ? !this.#input.trimStart().startsWith("{") : !isWholeInput(this.#input)) return;
    this.#writeInput(this.#input);
    this.#input = undefined;
  }

  /** The official client breaks off the whole message by what is no JSON, and hands on what is no object. */
  #endInput(): void {
    if (this.#input !== undefined && isWholeInput(this.#input)) this.#writeInput(this.#input);
  }

  #writeInput(text: string): void {
    this.#writer.bytes(this.#deltaStart);
    this.#writer.text(JSON.stringify(text));
    this.#writer.bytes(deltaEnd);
  }

  #delta(text: JsonText): void {
    this.#writer.bytes(this.#deltaStart);
    this.#writer.range(text.bytes, text.start, text.end);
    this.#writer.bytes(deltaEnd);
  }

  /** Official clients see nothing of an event without its `event:` line. */
  #event(data: { readonly type: string; readonly [field: string]: unknown }): void {
    this.#writer.text(formatSseEvent(data, data.type));
  }
}

function isWholeInput(text: string): boolean {
  return text.trimEnd().endsWith("}") && parseInput(text) !== undefined;
}
