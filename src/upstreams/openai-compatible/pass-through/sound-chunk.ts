// Whether a chunk says in its own words exactly what it means by the rules of all dialects: then its bytes may be passed on.

import type { UpstreamEvent } from "../../../contract/events.ts";
import { isJsonObject, type JsonObject } from "../../../contract/json.ts";

/** The calls that a client has been told of, in their order: a call's place is its index. */
export class PassedCalls {
  /** Made with the first: most replies have none. */
  #ids: string[] | undefined;

  add(callId: string): void {
    this.#ids ??= [];
    this.#ids.push(callId);
  }

  indexOf(callId: string): number {
    return this.#ids?.lastIndexOf(callId) ?? -1;
  }

  get count(): number {
    return this.#ids?.length ?? 0;
  }
}

export function firstChoice(chunk: JsonObject): JsonObject | undefined {
  const choices = chunk["choices"];
  const choice: unknown = Array.isArray(choices) ? choices.find(isJsonObject) : undefined;
  return isJsonObject(choice) ? choice : undefined;
}

/**
 * @param said what the chunk means
 * @param calls told before it
 */
export function isSound(
  chunk: JsonObject,
  choice: JsonObject,
  said: readonly UpstreamEvent[],
  calls: PassedCalls,
): boolean {
  const { choices } = chunk;
  if (!Array.isArray(choices) || choices.length !== 1 || choice["index"] !== 0 || choice["message"] != null)
    return false;
  const delta = choice["delta"];
  if (!isJsonObject(delta)) return delta == null && said.length === 0;
  if (delta["function_call"] != null || isText(delta["thinking"])) return false;
  // Under the other name it is told by the one that clients read; under both, as vLLM had it for some versions, it is there.
  const thought = delta["reasoning_content"] ?? delta["reasoning"] ?? "";
  if (isText(delta["reasoning"]) && delta["reasoning"] !== thought) return false;
  const content = delta["content"] ?? "";
  if (typeof content !== "string") return false;
  const expected = new Expected(said, calls.count);
  return (
    expected.text("reasoning-delta", thought) &&
    (content === "" ? expected.refusal(delta["refusal"] ?? "") : expected.text("text-delta", content)) &&
    areCalls(delta, expected, calls)
  );
}

function areCalls(delta: JsonObject, expected: Expected, calls: PassedCalls): boolean {
  const pieces = delta["tool_calls"] ?? [];
  if (!Array.isArray(pieces)) return false;
  return pieces.every((piece: unknown) => isJsonObject(piece) && expected.call(piece, calls)) && expected.isOver;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Goes through what was said, step by step. */
class Expected {
  readonly #said: readonly UpstreamEvent[];
  #next = 0;
  /** Index of the call that a start begins. */
  #nextCall: number;
  #begun: { readonly callId: string; readonly index: number } | undefined;

  constructor(said: readonly UpstreamEvent[], callCount: number) {
    this.#said = said;
    this.#nextCall = callCount;
  }

  get isOver(): boolean {
    return this.#next === this.#said.length;
  }

  text(kind: "text-delta" | "reasoning-delta" | "refusal-delta", text: unknown): boolean {
    if (text === "") return true;
    const event = this.#said[this.#next++];
    return event?.type === kind && event.text.text === text;
  }

  /** Behind an answer it is a part of that. */
  refusal(text: unknown): boolean {
    return this.text(this.#said[this.#next]?.type === "text-delta" ? "text-delta" : "refusal-delta", text);
  }

  call(piece: JsonObject, calls: PassedCalls): boolean {
    const called = piece["function"] ?? {};
    if (!isJsonObject(called)) return false;
    const start = this.#said[this.#next];
    if (start?.type === "tool-call-start") {
      this.#next++;
      if (piece["id"] !== start.callId || called["name"] !== start.toolName || piece["type"] !== "function")
        return false;
      this.#begun = { callId: start.callId, index: this.#nextCall++ };
      if (piece["index"] !== this.#begun.index || typeof called["arguments"] !== "string") return false;
      // Some clients put names together that are told more than once, and take "" for an id.
    } else if (piece["id"] != null || called["name"] != null) return false;
    return this.#argumentsOf(piece, called["arguments"], calls);
  }

  #argumentsOf(piece: JsonObject, text: unknown, calls: PassedCalls): boolean {
    // Clients put the pieces together as they come: "null" would stand among them.
    if (typeof text !== "string") return false;
    // It says nothing, but a client would make a call of an index that it has not been told.
    if (text === "") return typeof piece["index"] === "number" && piece["index"] < this.#nextCall;
    const event = this.#said[this.#next++];
    if (event?.type !== "tool-call-delta" || event.argumentsText !== text) return false;
    const index = this.#begun?.callId === event.callId ? this.#begun.index : calls.indexOf(event.callId);
    return piece["index"] === index;
  }
}
