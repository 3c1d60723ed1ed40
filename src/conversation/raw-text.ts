// Text that is gathered as it stands in its JSON strings, and decoded once when somebody reads it. Hot.

import { answerTooLong, mostAnswerBytes } from "../contract/answer-too-long.ts";
import type { JsonText } from "../contract/json.ts";
import { copyBytes } from "../sse/copy-bytes.ts";

const decoder = new TextDecoder();
const nothing = new Uint8Array(0);
const firstBytes = 512;

export class RawText {
  /** Gathered bytes, without quotes. */
  length = 0;
  #bytes: Uint8Array = nothing;

  /** @throws {GatewayError} `upstream-failed` beyond 32 MiB */
  append(text: JsonText): void {
    // Without the quotes: the pieces of a string, escapes and all, are again a string.
    const start = text.start + 1;
    const end = text.end - 1;
    this.#reserve(end - start);
    copyBytes(text.bytes, start, end, this.#bytes, this.length);
    this.length += end - start;
  }

  get text(): string {
    if (this.length === 0) return "";
    // A JSON string by construction.
    return JSON.parse(`"${decoder.decode(this.#bytes.subarray(0, this.length))}"`) as string;
  }

  /** @param maxKeptBytes a larger buffer is given back, a smaller one is used again */
  clear(maxKeptBytes: number): void {
    this.length = 0;
    if (this.#bytes.length > maxKeptBytes) this.#bytes = nothing;
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    if (needed > mostAnswerBytes) throw answerTooLong();
    const grown = new Uint8Array(Math.min(Math.max(firstBytes, needed + (needed >> 1)), mostAnswerBytes));
    copyBytes(this.#bytes, 0, this.length, grown, 0);
    this.#bytes = grown;
  }
}
