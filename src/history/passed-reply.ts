// Frames of OpenAI's chat completions that were passed on unread, read for the history alone: events of a stream, or the
// whole answer. What cannot be read is left out, for the client has had it as it is.

import { isJsonObject, type JsonObject } from "../contract/json.ts";
import type { ReplyContent } from "./exchange-content.ts";

const openingBrace = 123;
const decoder = new TextDecoder();

/** Reads whole events, or a whole body. */
export class PassedReply {
  readonly #content: ReplyContent;
  /** Ids of the calls by their index: deltas name only that. */
  readonly #calls = new Map<unknown, string>();

  constructor(content: ReplyContent) {
    this.#content = content;
  }

  read(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#content.hasRoom) return;
    const text = decoder.decode(bytes.subarray(start, end));
    if (bytes[start] === openingBrace || text.trimStart().startsWith("{")) return this.#readAnswer(text, "message");
    for (const line of text.split(/\r\n|\r|\n/)) if (line.startsWith("data:")) this.#readAnswer(line.slice(5), "delta");
  }

  #readAnswer(text: string, field: "message" | "delta"): void {
    const answer = parsed(text);
    const choices = answer?.["choices"];
    if (!Array.isArray(choices)) return;
    for (const choice of choices) {
      // Of several answers to one question the first stands for all.
      if (!isJsonObject(choice) || (choice["index"] ?? 0) !== 0) continue;
      const said = choice[field];
      if (isJsonObject(said)) this.#add(said);
    }
  }

  #add(said: JsonObject): void {
    const reasoning = said["reasoning_content"] ?? said["reasoning"];
    if (typeof reasoning === "string") this.#content.reasoning(reasoning);
    for (const text of [said["content"], said["refusal"]]) if (typeof text === "string") this.#content.text(text);
    const calls = said["tool_calls"];
    if (Array.isArray(calls)) for (const [place, call] of calls.entries()) this.#addCall(call, place);
  }

  #addCall(call: unknown, place: number): void {
    if (!isJsonObject(call)) return;
    const { index = place, id, function: called } = call;
    const told = isJsonObject(called) ? called : {};
    if (!this.#calls.has(index)) {
      const callId = typeof id === "string" && id !== "" ? id : `call-${this.#calls.size}`;
      this.#calls.set(index, callId);
      this.#content.call(callId, typeof told["name"] === "string" ? told["name"] : "");
    }
    const argumentsText = told["arguments"];
    if (typeof argumentsText === "string") this.#content.callArguments(this.#calls.get(index)!, argumentsText);
  }
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // "[DONE]", or nothing that can be read.
    return undefined;
  }
}
