// Turns what an upstream said into what a client may hear: one start, one end, no delta outside a block. Hot.

import type { ChatEvent, FinishReason, TextBlock, TokenUsage, UpstreamEvent } from "../contract/events.ts";
import type { GatewayError } from "../contract/gateway-error.ts";

/** A call whose block is not open yet, because another call is still being told. */
interface WaitingCall {
  readonly callId: string;
  readonly toolName: string;
  argumentsText: string;
}

/**
 * Blocks follow one another: parallel calls that arrive interleaved are told one after the other. `reply-end` and
 * `reply-error` of the upstream are not passed on: the owner says `end` or `fail` when it is time.
 */
export class EventSequence {
  readonly #emit: (event: ChatEvent) => void;
  #hasStarted = false;
  #hasEnded = false;
  #openBlock: TextBlock | "tool-call" | undefined;
  #openCall: WaitingCall | undefined;
  #waitingCalls: WaitingCall[] | undefined;
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
        if (this.#openBlock !== "text") this.#enter("text");
        this.#emit({ type: event.type, index: this.#index, text: event.text });
        return;
      case "reasoning-delta":
        if (this.#openBlock !== "reasoning") this.#enter("reasoning");
        this.#emit({ type: event.type, index: this.#index, text: event.text });
        return;
      case "refusal-delta":
        if (this.#openBlock !== "refusal") this.#enter("refusal");
        this.#emit({ type: event.type, index: this.#index, text: event.text });
        return;
      case "tool-call-start":
        this.#startCall({ callId: event.callId, toolName: event.toolName, argumentsText: "" });
        return;
      case "tool-call-delta":
        this.#continueCall(event.callId, event.argumentsText);
        return;
      case "source":
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
    this.#flushCalls();
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

  #enter(block: TextBlock): void {
    this.start();
    this.#flushCalls();
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

  #startCall(call: WaitingCall): void {
    this.start();
    // A call whose arguments are whole needs its block no longer.
    if (this.#openCall !== undefined && !isCompleteJson(this.#openCall.argumentsText)) {
      this.#waitingCalls ??= [];
      this.#waitingCalls.push(call);
      return;
    }
    this.#openCallBlock(call);
  }

  #continueCall(callId: string, argumentsText: string): void {
    if (this.#openCall?.callId === callId) {
      this.#openCall.argumentsText += argumentsText;
      this.#emit({ type: "tool-call-delta", index: this.#index, callIndex: this.#callIndex, argumentsText });
      return;
    }
    const waiting = this.#waitingCalls?.find((call) => call.callId === callId);
    if (waiting !== undefined) waiting.argumentsText += argumentsText;
  }

  #openCallBlock(call: WaitingCall): void {
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

  #flushCalls(): void {
    const waiting = this.#waitingCalls ?? [];
    this.#waitingCalls = undefined;
    for (const call of waiting) this.#openCallBlock(call);
  }
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
