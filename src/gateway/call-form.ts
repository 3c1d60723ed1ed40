// A call of one named tool: how clients ask for data in a form where their protocol has no field for it. Its arguments are
// checked against the tool's schema before anything of them is told, where that holds nothing up.

import type { Continuation } from "../contract/continuation.ts";
import type { ChatRequest, Message, ToolCall, ToolDefinition } from "../contract/chat-request.ts";
import type { UpstreamEvent } from "../contract/events.ts";
import type { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject, jsonText } from "../contract/json.ts";
import type { EventDecoder, Resume, UpstreamReply } from "../contract/upstream.ts";
import { findProblems } from "../tools/schema-problems.ts";
import { type AnswerDemand, type DemandedRun, Mending, type Miss, unfit } from "./mending.ts";
import type { Candidate } from "./model-routes.ts";

/** Undefined: no tool is named, or nothing is known of its arguments. */
export function callFormOf({ tools, toolChoice, stream }: ChatRequest): CallForm | undefined {
  if (typeof toolChoice !== "object") return undefined;
  const tool = tools.find(({ name }) => name === toolChoice.toolName);
  return tool === undefined || !isJsonObject(tool.parameters) ? undefined : new CallForm(tool, stream);
}

export class CallForm implements AnswerDemand {
  readonly #tool: ToolDefinition;
  readonly #streams: boolean;
  readonly #mending = new Mending();
  #isChecked = false;
  /** Attempts at one question share its messages. */
  #asked:
    { readonly whole: readonly Message[]; readonly miss: Miss; readonly messages: readonly Message[] } | undefined;

  constructor(tool: ToolDefinition, streams: boolean) {
    this.#tool = tool;
    this.#streams = streams;
  }

  async attempt(candidate: Candidate, run: DemandedRun): Promise<void> {
    // A server with tools of its own streams arguments as they come; where they are read out of text they come whole.
    this.#isChecked = !this.#streams || candidate.upstream.keepsConversations === true;
    this.#mending.begin(candidate, () => run.mayRepeat());
    for (;;) {
      try {
        return await run.tryOnce();
      } catch (error) {
        if (!this.#mending.next()) throw error;
        run.repeats(error);
      }
    }
  }

  ask(whole: ChatRequest): ChatRequest {
    const { miss } = this.#mending;
    if (miss === undefined) return whole;
    if (this.#asked?.whole !== whole.messages || this.#asked.miss !== miss) {
      this.#asked = { whole: whole.messages, miss, messages: [...whole.messages, ...miss.messages] };
    }
    const { received: _received, ...rest } = whole;
    return { ...rest, messages: this.#asked.messages };
  }

  resumeFor(asked: ChatRequest): Resume | undefined {
    return this.#mending.resumeFor(asked);
  }

  read(reply: UpstreamReply): UpstreamReply {
    if (!this.#isChecked || reply.passThrough !== undefined) return reply;
    const { account, model, body } = reply;
    const decoder = new CheckedCalls(reply.decoder, (calls, continuation) => this.#judge(calls, continuation, account));
    // Not `recover`: what is held back has not been said.
    return { account, model, body, decoder, onEnd: (ending, error) => reply.onEnd(ending, error) };
  }

  #judge(
    calls: readonly ToolCall[],
    continuation: Continuation | undefined,
    account: string,
  ): GatewayError | undefined {
    const call = calls.find(({ toolName }) => toolName === this.#tool.name);
    const problem = call === undefined ? undefined : problemOf(call, this.#tool);
    if (call === undefined || problem === undefined) return undefined;
    if (!this.#mending.mayMend) return this.#tool.isStrict === true ? unfit(problem) : undefined;
    const results = calls.map(({ callId }) => ({
      role: "tool" as const,
      callId,
      content: [
        { type: "text" as const, text: `The arguments do not fit the tool's schema: ${problem}. Call it again.` },
      ],
      isError: true,
    }));
    const messages: Miss["messages"] = [{ role: "assistant", content: [], toolCalls: calls }, ...results];
    this.#mending.note({ messages, continuation, account });
    return unfit(problem);
  }
}

function problemOf({ argumentsText }: ToolCall, { parameters }: ToolDefinition): string | undefined {
  if (!isJsonObject(parameters)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(argumentsText.trim() || "{}");
  } catch {
    return "they are no JSON";
  }
  const found = findProblems(parameters, value);
  return found.type === "problems" ? found.sentences.join("; ") || "something in them is wrong" : undefined;
}

type Emit = (event: UpstreamEvent) => void;

/** Of one answer, in UTF-16 units: a longer one is told as it comes. */
const maxHeldChars = 4_194_304;

/** Holds a reply until it ends, unless it is longer than anybody checks. */
class CheckedCalls implements EventDecoder {
  readonly #decoder: EventDecoder;
  readonly #judge: (calls: readonly ToolCall[], continuation: Continuation | undefined) => GatewayError | undefined;
  readonly #onEvent: Emit = (event) => this.#accept(event);
  #emit: Emit = () => {};
  /** Undefined: nothing is held any more. */
  #held: UpstreamEvent[] | undefined = [];
  #chars = 0;
  #continuation: Continuation | undefined;
  readonly #calls: { callId: string; toolName: string; argumentsText: string }[] = [];

  constructor(
    decoder: EventDecoder,
    judge: (calls: readonly ToolCall[], continuation: Continuation | undefined) => GatewayError | undefined,
  ) {
    this.#decoder = decoder;
    this.#judge = judge;
  }

  get pendingBytes(): number {
    return this.#decoder.pendingBytes + this.#chars;
  }

  feed(chunk: Uint8Array, emit: Emit): void {
    this.#emit = emit;
    this.#decoder.feed(chunk, this.#onEvent);
  }

  end(emit: Emit): void {
    this.#emit = emit;
    this.#decoder.end(this.#onEvent);
  }

  #accept(event: UpstreamEvent): void {
    if (this.#held === undefined) return this.#emit(event);
    switch (event.type) {
      case "reply-start":
        this.#continuation = event.continuation;
        return this.#emit(event);
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
      default:
        return this.#emit(event);
    }
  }

  #hold(event: UpstreamEvent, chars: number): void {
    this.#held?.push(event);
    this.#chars += chars;
    if (this.#chars > maxHeldChars) this.#release();
  }

  #end(event: Extract<UpstreamEvent, { type: "reply-end" }>): void {
    // What was cut short its client is told by the finish.
    const error = event.finishReason === "length" ? undefined : this.#judge(this.#calls, this.#continuation);
    if (error === undefined) {
      this.#release();
      return this.#emit(event);
    }
    this.#held = undefined;
    this.#emit({ type: "reply-error", error });
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#chars = 0;
    for (const event of held) this.#emit(event);
  }
}
