// The text of a reply as it was sent, kept as the bytes of one long JSON string and decoded once, at its end. Hot.

import type { JsonText } from "../contract/json.ts";

const decoder = new TextDecoder();

export class SentText {
  #bytes: Uint8Array | undefined;
  #length = 0;

  append(text: JsonText): void {
    // Without the quotes: the pieces of a string, escapes and all, are again a string.
    const { json } = text;
    const count = json.length - 2;
    const bytes = this.#reserve(count);
    bytes.set(json.subarray(1, json.length - 1), this.#length);
    this.#length += count;
  }

  read(): string {
    if (this.#bytes === undefined) return "";
    const json = `"${decoder.decode(this.#bytes.subarray(0, this.#length))}"`;
    // A JSON string by construction.
    return JSON.parse(json) as string;
  }

  #reserve(count: number): Uint8Array {
    const old = this.#bytes;
    const needed = this.#length + count;
    if (old !== undefined && needed <= old.length) return old;
    const grown = new Uint8Array(Math.max(512, needed + (needed >> 1)));
    if (old !== undefined) grown.set(old.subarray(0, this.#length));
    this.#bytes = grown;
    return grown;
  }
}
