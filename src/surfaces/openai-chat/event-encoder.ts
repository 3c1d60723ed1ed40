// Chat events to chat.completion.chunk frames. Hot: constant parts are prepared once a reply, text travels as raw JSON.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { ChatEvent, ReplyIdentity, Source } from "../../contract/events.ts";
import type { JsonObject, JsonText } from "../../contract/json.ts";
import { openaiErrorBody } from "../../contract/openai-error.ts";
import type { EventEncoder } from "../../contract/surface.ts";
import { RawText } from "../../conversation/raw-text.ts";
import { ByteWriter } from "../../sse/byte-writer.ts";
import { commentFrame, doneFrame, formatSseEvent } from "../../sse/sse-writer.ts";
import { customInput } from "../custom-tools.ts";
import { encodeUsage } from "../openai-fields.ts";
import { encodeAnnotations } from "./annotations.ts";
import { declaresFunctions, finishReasonFor } from "./older-functions.ts";
import { customNamesOf } from "./parse-tools.ts";

export function chatReplyId(identity: ReplyIdentity): string {
  return `chatcmpl-${identity.replyId}`;
}

const encoder = new TextEncoder();
const heartbeatFrame = commentFrame("keepalive");
const deltaEnd = encoder.encode('},"finish_reason":null}]}\n\n');

/** Order as clients demand it: role chunk, deltas, one finish chunk, usage chunk if asked, `[DONE]`. */
export function createEventEncoder(request: ChatRequest, identity: ReplyIdentity): EventEncoder {
  return new Encoder(request, identity);
}

class Encoder implements EventEncoder {
  readonly #writer = new ByteWriter();
  readonly #includeUsage: boolean;
  readonly #body: JsonObject;
  readonly #customNames: ReadonlySet<string>;
  /** Calls are told in `function_call`, which holds one. */
  readonly #isOlder: boolean;
  /** What all chunks of the reply begin with. */
  readonly #head: string;
  #contentStart: Uint8Array | undefined;
  #reasoningStart: Uint8Array | undefined;
  /** Made with the first page that was searched: they are told when it is known where the text means them. */
  #isTextWhole = true;
  #sourced: { readonly sources: Source[]; readonly text: RawText } | undefined;
  /** Index of a call that has been begun, and of whose arguments nothing has been said. */
  #silentCall: number | undefined;
  /** A call of a custom tool that has been begun: its text stands within the arguments, and is there when they are. */
  #heldCall: { readonly index: number; argumentsText: string } | undefined;

  constructor(request: ChatRequest, identity: ReplyIdentity) {
    this.#includeUsage = request.includeUsage;
    this.#body = request.body;
    this.#customNames = customNamesOf(request);
    this.#isOlder = declaresFunctions(request.body);
    const created = Math.floor(identity.createdAtMs / 1000);
    this.#head = `data: {"id":"${chatReplyId(identity)}","object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(identity.model)},"choices":[`;
  }

  write(event: ChatEvent): void {
    switch (event.type) {
      case "text-delta":
        this.#contentStart ??= this.#deltaStart("content");
        this.#sourced?.text.append(event.text);
        return this.#delta(this.#contentStart, event.text);
      case "reasoning-delta":
        this.#reasoningStart ??= this.#deltaStart("reasoning_content");
        return this.#delta(this.#reasoningStart, event.text);
      case "refusal-delta":
        return this.#delta(this.#deltaStart("refusal"), event.text);
      case "reply-start":
        return this.#chunk('"role":"assistant","content":""');
      case "block-start":
        if (event.block === "tool-call") this.#startCall(event);
        return;
      case "tool-call-delta":
        if (this.#heldCall !== undefined) {
          this.#heldCall.argumentsText += event.argumentsText;
          return;
        }
        if (event.argumentsText !== "") this.#silentCall = undefined;
        return this.#function({ index: event.callIndex }, { arguments: event.argumentsText });
      case "reply-end": {
        this.#annotate();
        const reason = finishReasonFor(this.#body, event.finishReason);
        this.#writer.text(`${this.#head}{"index":0,"delta":{},"finish_reason":"${reason}"}]}\n\n`);
        if (this.#includeUsage) {
          this.#writer.text(`${this.#head}],"usage":${JSON.stringify(encodeUsage(event.usage))}}\n\n`);
        }
        return this.#writer.bytes(doneFrame);
      }
      case "reply-error":
        this.#writer.text(formatSseEvent(openaiErrorBody(event.error)));
        return this.#writer.bytes(doneFrame);
      case "block-end":
        return this.#endCall();
      case "source":
        this.#isTextWhole &&= this.#sourced !== undefined || this.#contentStart === undefined;
        this.#sourced ??= { sources: [], text: new RawText() };
        this.#sourced.sources.push(event.source);
        return;
      case "stop-sequence":
        return;
      default:
        event satisfies never;
    }
  }

  writeHeartbeat(): void {
    this.#writer.bytes(heartbeatFrame);
  }

  get pendingBytes(): number {
    return this.#writer.length;
  }

  take(): Uint8Array {
    return this.#writer.take();
  }

  #annotate(): void {
    if (this.#sourced === undefined) return;
    const { text, sources } = this.#sourced;
    // Where in a text whose beginning was not kept nobody can say.
    const whole = this.#isTextWhole ? text.text : "";
    this.#chunk(`"annotations":${JSON.stringify(encodeAnnotations(whole, sources))}`);
  }

  #deltaStart(field: string): Uint8Array {
    return encoder.encode(`${this.#head}{"index":0,"delta":{"${field}":`);
  }

  #delta(start: Uint8Array, text: JsonText): void {
    this.#writer.bytes(start);
    this.#writer.range(text.bytes, text.start, text.end);
    this.#writer.bytes(deltaEnd);
  }

  #chunk(deltaFields: string): void {
    this.#writer.text(`${this.#head}{"index":0,"delta":{${deltaFields}},"finish_reason":null}]}\n\n`);
  }

  #startCall({ callIndex: index, callId: id, toolName: name }: CallStart): void {
    if (this.#customNames.has(name)) {
      this.#heldCall = { index, argumentsText: "" };
      return this.#toolCall({ index, id, type: "custom", custom: { name, input: "" } });
    }
    this.#silentCall = index;
    this.#function({ index, id, type: "function" }, { name, arguments: "" });
  }

  /** Clients parse what they have put together: no arguments are an empty object. */
  #endCall(): void {
    this.#tellHeld();
    if (this.#silentCall === undefined) return;
    this.#function({ index: this.#silentCall }, { arguments: "{}" });
    this.#silentCall = undefined;
  }

  #tellHeld(): void {
    if (this.#heldCall === undefined) return;
    const { index, argumentsText } = this.#heldCall;
    this.#heldCall = undefined;
    this.#toolCall({ index, custom: { input: customInput(argumentsText) } });
  }

  #function(call: CallHead, told: { readonly name?: string; readonly arguments: string }): void {
    if (!this.#isOlder) return this.#toolCall({ ...call, function: told });
    // There is no place for another one: the model makes it again behind the result of the first.
    if (call.index === 0) this.#chunk(`"function_call":${JSON.stringify(told)}`);
  }

  #toolCall(call: object): void {
    this.#chunk(`"tool_calls":[${JSON.stringify(call)}]`);
  }
}

interface CallHead {
  readonly index: number;
  readonly id?: string;
  readonly type?: "function";
}

type CallStart = Extract<ChatEvent, { block: "tool-call"; callId: string }>;
