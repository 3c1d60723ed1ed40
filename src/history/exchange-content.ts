// What was said in an exchange, as JSON that is never longer than its bound: the messages that were new, and the reply.

import { flattenText, type Message, type ToolCall } from "../contract/chat-request.ts";

/** What a call, a name or the end of a list costs beside its texts. */
const aroundBytes = 128;
const mostMessages = 1000;

/**
 * The messages since the last answer: what stood before them stands in the exchanges before. Where they are too long, the
 * newest are kept, and of each its beginning. Files are counted, not kept.
 * @param maxBytes of the JSON
 */
export function requestContent(messages: readonly Message[], maxBytes: number): string {
  const firstNew = messages.findLastIndex(({ role }) => role === "assistant") + 1;
  const kept: object[] = [];
  let room = maxBytes - aroundBytes;
  let isCut = false;
  let index = messages.length - 1;
  for (; index >= firstNew && room > aroundBytes && kept.length < mostMessages; index--) {
    const message = messages[index]!;
    const whole = flattenText(message);
    const text = cutText(whole, room - aroundBytes);
    isCut ||= text.length < whole.length;
    const files = message.content.filter(({ type }) => type !== "text").length;
    // Ids come from outside, and are as long as somebody likes.
    const callId = message.role === "tool" ? { call_id: cutText(message.callId, aroundBytes / 2) } : {};
    kept.unshift({ role: message.role, ...callId, text, ...(files === 0 ? {} : { files }) });
    room -= jsonBytes(text) + 2 * aroundBytes;
  }
  const omitted = index + 1 - firstNew;
  return JSON.stringify({
    messages: kept,
    ...(firstNew === 0 ? {} : { earlier_messages: firstNew }),
    ...(omitted <= 0 ? {} : { omitted_messages: omitted }),
    ...(isCut ? { is_cut: true } : {}),
  });
}

/** A reply that is gathered while it is told, and never more of it than its bound. */
export class ReplyContent {
  readonly #maxBytes: number;
  #room: number;
  #text: string[] = [];
  #reasoning: string[] = [];
  #calls = new Map<string, { name: string; pieces: string[] }>();
  #isCut = false;

  /** @param maxBytes of the JSON */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#room = maxBytes - 2 * aroundBytes;
  }

  /** Whether anything more is kept: if not, nobody need decode it. */
  get hasRoom(): boolean {
    return this.#room > 0;
  }

  /** Forgets it: another attempt begins. */
  clear(): void {
    this.#room = this.#maxBytes - 2 * aroundBytes;
    this.#text = [];
    this.#reasoning = [];
    this.#calls = new Map();
    this.#isCut = false;
  }

  text(text: string): void {
    this.#add(this.#text, text);
  }

  reasoning(text: string): void {
    this.#add(this.#reasoning, text);
  }

  call(callId: string, name: string): void {
    if (this.#calls.has(callId)) return;
    this.#room -= jsonBytes(callId) + jsonBytes(name) + aroundBytes;
    if (this.#room >= 0) this.#calls.set(callId, { name, pieces: [] });
    else this.#isCut = true;
  }

  callArguments(callId: string, text: string): void {
    const call = this.#calls.get(callId);
    if (call !== undefined) this.#add(call.pieces, text);
  }

  toJson(): string {
    const calls: (ToolCall | object)[] = [...this.#calls].map(([id, { name, pieces }]) => ({
      id,
      name,
      arguments: pieces.join(""),
    }));
    return JSON.stringify({
      text: this.#text.join(""),
      ...(this.#reasoning.length === 0 ? {} : { reasoning: this.#reasoning.join("") }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...(this.#isCut ? { is_cut: true } : {}),
    });
  }

  #add(pieces: string[], text: string): void {
    if (text === "") return;
    const piece = this.#room > 0 ? cutText(text, this.#room) : "";
    if (piece.length < text.length) {
      this.#isCut = true;
      this.#room = 0;
    } else this.#room -= jsonBytes(piece) - 2;
    // A piece of a string keeps all of that alive.
    if (piece !== "") pieces.push(piece);
  }
}

/** The beginning of a text whose JSON is no longer than that. */
export function cutText(text: string, maxBytes: number): string {
  if (maxBytes <= 2) return "";
  // A character is one byte at least.
  let cut = text.length > maxBytes ? text.slice(0, maxBytes).toWellFormed() : text;
  for (let bytes = jsonBytes(cut); bytes > maxBytes; bytes = jsonBytes(cut)) {
    cut = cut.slice(0, Math.min(cut.length - 1, Math.floor((cut.length * maxBytes) / bytes))).toWellFormed();
  }
  return cut;
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
