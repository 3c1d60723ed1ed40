// The text of a message whose long parts are still the bytes of the client's body: they are sent on as they came.

import { type ContentPart, flattenText, type Message } from "../../../contract/chat-request.ts";
import { LongText } from "../../../conversation/long-text.ts";

/** Most messages are short, and then a string. */
export type MessageContent = string | MessageText;

export class MessageText {
  readonly #pieces: readonly (string | LongText)[];

  constructor(pieces: readonly (string | LongText)[]) {
    this.#pieces = pieces;
  }

  toString(): string {
    return this.#pieces.map((piece) => (typeof piece === "string" ? piece : piece.text)).join("");
  }

  toJSON(): string {
    return this.toString();
  }

  /** In pieces, which are one JSON string when they are joined and put in quotes. */
  jsonPieces(): readonly Uint8Array[] {
    return this.#pieces.map((piece) => {
      return typeof piece === "string" ? Buffer.from(JSON.stringify(piece).slice(1, -1)) : piece.json;
    });
  }
}

/** Joins strings and long texts into a text, which is a string unless one of them is long. */
export class TextBuilder {
  readonly #pieces: (string | LongText)[] = [];
  #tail = "";

  get isEmpty(): boolean {
    return this.#tail === "" && this.#pieces.length === 0;
  }

  add(text: string | LongText): void {
    if (typeof text === "string") this.#tail += text;
    else this.#pieces.push(this.#takeTail(), text);
  }

  /** What `flattenText` gives. */
  addMessage(message: Message): void {
    if (!message.content.some(isLong)) return this.add(flattenText(message));
    const separator = message.role === "assistant" ? "" : "\n";
    let isFirst = true;
    for (const part of message.content) {
      if (part.type !== "text") continue;
      if (!isFirst) this.add(separator);
      isFirst = false;
      this.add(isLong(part) ? part : part.text);
    }
  }

  finish(): MessageContent {
    const tail = this.#takeTail();
    return this.#pieces.length === 0 ? tail : new MessageText([...this.#pieces, tail]);
  }

  #takeTail(): string {
    const tail = this.#tail;
    this.#tail = "";
    return tail;
  }
}

function isLong(part: ContentPart): part is LongText {
  return part instanceof LongText;
}

/** What stands before the words of one of several users: the backend has no field for it. */
export function speakerOf({ name }: Extract<Message, { readonly role: "user" }>): string {
  return name === undefined ? "" : `${name}: `;
}
