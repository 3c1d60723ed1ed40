// A reply that has to be a call, held until it ends: its arguments may be checked before anything of them is told.

import type { Continuation } from "../../contract/continuation.ts";
import type { ToolCall } from "../../contract/chat-request.ts";
import { EventFilter } from "../../contract/event-filter.ts";
import type { UpstreamEvent } from "../../contract/events.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import { jsonText } from "../../contract/json.ts";
import type { EventDecoder } from "../../contract/upstream.ts";

/** Of one answer, in UTF-16 units: a longer one is told as it comes. */
const maxHeldChars = 4_194_304;

export interface CheckedCallsOptions {
  /** Of a reply that ended well. @returns the error that takes its place */
  judge(calls: readonly ToolCall[], continuation: Continuation | undefined): GatewayError | undefined;
  /** Of one without any call: the call that its words are. */
  callIn(text: string): ToolCall | undefined;
}

/** Holds a reply until it ends, unless it is longer than anybody checks. */
export class CheckedCalls extends EventFilter {
  readonly #options: CheckedCallsOptions;
  /** Undefined: nothing is held any more. */
  #held: UpstreamEvent[] | undefined = [];
  #chars = 0;
  #continuation: Continuation | undefined;
  readonly #calls: { callId: string; toolName: string; argumentsText: string }[] = [];

  constructor(decoder: EventDecoder, options: CheckedCallsOptions) {
    super(decoder);
    this.#options = options;
  }

  protected get heldChars(): number {
    return this.#chars;
  }

  protected accept(event: UpstreamEvent): void {
    if (this.#held === undefined) return this.say(event);
    switch (event.type) {
      case "reply-start":
        this.#continuation = event.continuation;
        return this.say(event);
      case "text-delta":
      case "reasoning-delta":
        // Its view is valid only now.
        return this.#hold({ type: event.type, text: jsonText(event.text.text) }, event.text.text.length);
      case "tool-call-start":
        this.#calls.push({ callId: event.callId, toolName: event.toolName, argumentsText: "" });
        return this.#hold(event, 0);
      case "tool-call-delta": {
        const call = this.#calls.find(({ callId }) => callId === event.callId);
        if (call !== undefined) call.argumentsText += event.argumentsText;
        return this.#hold(event, event.argumentsText.length);
      }
      case "reply-end":
        this.#continuation = event.continuation ?? this.#continuation;
        return this.#end(event);
      case "source":
      case "stop-sequence":
        return this.#hold(event, 0);
      // Asked once more, the model would decline once more.
      case "refusal-delta":
        this.#release();
        return this.say(event);
      default:
        return this.say(event);
    }
  }

  #hold(event: UpstreamEvent, chars: number): void {
    this.#held?.push(event);
    this.#chars += chars;
    if (this.#chars > maxHeldChars) this.#release();
  }

  #end(event: Extract<UpstreamEvent, { type: "reply-end" }>): void {
    // What was cut short its client is told by the finish.
    if (event.finishReason !== "length") {
      if (this.#calls.length === 0) this.#readWords();
      const error = this.#options.judge(this.#calls, this.#continuation);
      if (error !== undefined) {
        this.#held = undefined;
        return this.say({ type: "reply-error", error });
      }
      if (this.#calls.length > 0) this.#held = this.#withoutWords();
    }
    this.#release();
    this.say(event);
  }

  #readWords(): void {
    const held = this.#held ?? [];
    const text = held.map((event) => (event.type === "text-delta" ? event.text.text : "")).join("");
    const call = this.#options.callIn(text);
    if (call === undefined) return;
    const { callId, toolName, argumentsText } = call;
    this.#calls.push({ callId, toolName, argumentsText });
    this.#held = [
      ...held,
      { type: "tool-call-start", callId, toolName },
      { type: "tool-call-delta", callId, argumentsText },
    ];
  }

  /**
   * Beside a forced call OpenAI and Anthropic have no words, and clients take the first thing that comes for the data
   * (Instructor's streams, `content[0].input`).
   * @see https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use#forcing-tool-use
   */
  #withoutWords(): UpstreamEvent[] | undefined {
    return this.#held?.filter(({ type }) => type !== "text-delta");
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#chars = 0;
    for (const event of held) this.say(event);
  }
}
