// Turns what an upstream said into what a client may hear: one start, one end, no delta outside a block. Hot.

import { AnswerRoom } from "../../contract/answer-too-long.ts";
import type { ChatEvent, FinishReason, TextBlock, TokenUsage, UpstreamEvent } from "../../contract/events.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import { jsonText } from "../../contract/json.ts";

type TextDelta = Extract<UpstreamEvent, { readonly type: `${TextBlock}-delta` }>;

interface Call {
  readonly callId: string;
  readonly toolName: string;
  argumentsText: string;
  /** Of its arguments. Undefined: nobody has asked since they last grew. */
  isWhole?: boolean | undefined;
}

interface WaitingText {
  readonly block: TextBlock;
  readonly type: TextDelta["type"];
  text: string;
}

/** UTF-16 units of text that waits for a call. Beyond it the call is taken for broken, and is told as far as it came. */
const maxWaitingChars = 262_144;

/**
 * Blocks follow one another: what arrives before the arguments of a call are whole, other calls and text, is told behind it.
 * `reply-end` and `reply-error` of the upstream are not passed on: the owner says `end` or `fail` when it is time.
 */
export class EventSequence {
  readonly #emit: (event: ChatEvent) => void;
  #hasStarted = false;
  #hasEnded = false;
  #openBlock: TextBlock | "tool-call" | undefined;
  #openCall: Call | undefined;
  /** What has no block yet, because a call is still being told. */
  #waiting: (Call | WaitingText)[] | undefined;
  #waitingChars = 0;
  /** Of calls and pages, told and waiting: whoever hears of them keeps them. */
  readonly #room = new AnswerRoom();
  #index = -1;
  #callIndex = -1;

  constructor(emit: (event: ChatEvent) => void) {
    this.#emit = emit;
  }

  /** How many calls the client was told of. */
  get callCount(): number {
    return this.#callIndex + 1;
  }

  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    this.#emit({ type: "reply-start" });
  }

  accept(event: UpstreamEvent): void {
    if (this.#hasEnded) return;
    switch (event.type) {
      case "text-delta":
        if (this.#openBlock !== "text" && !this.#enter("text", event)) return;
        this.#emit({ type: event.type, index: this.#index, text: event.text });
        return;
      case "reasoning-delta":
        if (this.#openBlock !== "reasoning" && !this.#enter("reasoning", event)) return;
        this.#emit({ type: event.type, index: this.#index, text: event.text });
        return;
      case "refusal-delta":
        if (this.#openBlock !== "refusal" && !this.#enter("refusal", event)) return;
        this.#emit({ type: event.type, index: this.#index, text: event.text });
        return;
      case "tool-call-start":
        this.#startCall({ callId: event.callId, toolName: event.toolName, argumentsText: "" });
        return;
      case "tool-call-delta":
        this.#continueCall(event.callId, event.argumentsText);
        return;
      case "source":
        this.#room.addEntry(event.source.url, event.source.title, event.source.snippet);
        this.start();
        this.#emit(event);
        return;
      case "stop-sequence":
        this.start();
        this.#emit(event);
        return;
      case "reply-start":
      case "usage-update":
      case "frames":
      case "reply-end":
      case "reply-error":
        return;
      default:
        event satisfies never;
    }
  }

  /** Nothing more will come: says what has waited, and closes what is open. Its ending may take a while yet. */
  settle(): void {
    if (this.#hasEnded) return;
    this.start();
    this.#tellWaiting();
    this.#leave();
  }

  /** Closes what is open and says the one ending. Calls that were told decide the finish reason. */
  end(finishReason: FinishReason, usage: TokenUsage): void {
    if (this.#hasEnded) return;
    this.settle();
    this.#hasEnded = true;
    const told = this.callCount > 0 && finishReason === "stop" ? "tool_calls" : finishReason;
    this.#emit({ type: "reply-end", finishReason: told, usage });
  }

  /** The other ending. Open blocks stay open: nothing that was cut off may look complete. */
  fail(error: GatewayError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#emit({ type: "reply-error", error });
  }

  /** @returns false: the text waits for a call */
  #enter(block: TextBlock, { type, text }: TextDelta): boolean {
    this.start();
    if (this.#isCallUnderWay() && this.#waitingChars < maxWaitingChars) {
      this.#hold(block, type, text.text);
      return false;
    }
    this.#tellWaiting();
    if (this.#openBlock !== block) this.#openTextBlock(block);
    return true;
  }

  #isCallUnderWay(): boolean {
    if (this.#openCall !== undefined && !isWhole(this.#openCall)) return true;
    return this.#waiting?.some((waiting) => "callId" in waiting && !isWhole(waiting)) === true;
  }

  #hold(block: TextBlock, type: TextDelta["type"], text: string): void {
    this.#waiting ??= [];
    const last = this.#waiting.at(-1);
    if (last !== undefined && "block" in last && last.block === block) last.text += text;
    else this.#waiting.push({ block, type, text });
    this.#waitingChars += text.length;
  }

  #openTextBlock(block: TextBlock): void {
    this.#leave();
    this.#openBlock = block;
    this.#index++;
    this.#emit({ type: "block-start", index: this.#index, block });
  }

  #leave(): void {
    const block = this.#openBlock;
    if (block === undefined) return;
    this.#openBlock = undefined;
    this.#openCall = undefined;
    this.#emit({ type: "block-end", index: this.#index, block });
  }

  #startCall(call: Call): void {
    this.#room.addEntry(call.callId, call.toolName);
    this.start();
    // A call whose arguments are whole needs its block no longer.
    if (this.#openCall !== undefined && !isWhole(this.#openCall)) {
      this.#waiting ??= [];
      this.#waiting.push(call);
      return;
    }
    if (this.#waitingChars > 0 && !this.#isCallUnderWay()) this.#tellWaiting();
    this.#openCallBlock(call);
  }

  #continueCall(callId: string, argumentsText: string): void {
    this.#room.addWords(argumentsText.length);
    if (this.#openCall?.callId === callId) {
      this.#openCall.argumentsText += argumentsText;
      this.#openCall.isWhole = undefined;
      this.#emit({ type: "tool-call-delta", index: this.#index, callIndex: this.#callIndex, argumentsText });
      return;
    }
    for (const waiting of this.#waiting ?? []) {
      if (!("callId" in waiting) || waiting.callId !== callId) continue;
      waiting.argumentsText += argumentsText;
      waiting.isWhole = undefined;
      return;
    }
  }

  #openCallBlock(call: Call): void {
    this.#leave();
    this.#openBlock = "tool-call";
    this.#openCall = call;
    this.#index++;
    this.#callIndex++;
    const { callId, toolName, argumentsText } = call;
    this.#emit({
      type: "block-start",
      index: this.#index,
      block: "tool-call",
      callIndex: this.#callIndex,
      callId,
      toolName,
    });
    if (argumentsText !== "") {
      this.#emit({ type: "tool-call-delta", index: this.#index, callIndex: this.#callIndex, argumentsText });
    }
  }

  #tellWaiting(): void {
    const told = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#waitingChars = 0;
    for (const waiting of told) {
      if ("callId" in waiting) this.#openCallBlock(waiting);
      else this.#tellText(waiting);
    }
  }

  #tellText({ block, type, text }: WaitingText): void {
    if (this.#openBlock !== block) this.#openTextBlock(block);
    this.#emit({ type, index: this.#index, text: jsonText(text) });
  }
}

function isWhole(call: Call): boolean {
  call.isWhole ??= isCompleteJson(call.argumentsText);
  return call.isWhole;
}

function isCompleteJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Unfinished arguments: the question itself.
    return false;
  }
}
