// The token counts of an answer, JSON or events of it: read from its first and last bytes, since it is never parsed.

import type { TokenUsage } from "../../contract/events.ts";

/** `usage` is the last member of most servers; vLLM and llama.cpp have it in front of what they rank (2026-11). */
const edgeBytes = 1024;

/** No text of the answer looks like it: quotes are escaped there. */
const member = /"usage"\s*:\s*\{/g;

export class ToldUsage {
  #head: Uint8Array = new Uint8Array();
  #tail: Uint8Array = new Uint8Array();

  note(bytes: Uint8Array): void {
    const missing = edgeBytes - this.#head.length;
    if (missing > 0) this.#head = Buffer.concat([this.#head, bytes.subarray(0, missing)]);
    if (bytes.length >= edgeBytes) this.#tail = bytes.slice(-edgeBytes);
    else this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-edgeBytes);
  }

  /** What was told last. */
  read(): Pick<TokenUsage, "inputTokens" | "outputTokens"> | undefined {
    return lastUsage(this.#tail) ?? lastUsage(this.#head);
  }
}

function lastUsage(bytes: Uint8Array): ReturnType<ToldUsage["read"]> {
  const text = new TextDecoder().decode(bytes);
  const last = [...text.matchAll(member)].at(-1);
  if (last === undefined) return undefined;
  const usage = text.slice(last.index);
  // The sum is all that some tell; of images it stands in front of its parts.
  const inputTokens =
    count(usage, /"(?:prompt|input)_tokens"\s*:\s*(\d+)/) ?? count(usage, /"total_tokens"\s*:\s*(\d+)/);
  if (inputTokens === undefined) return undefined;
  return { inputTokens, outputTokens: count(usage, /"(?:completion|output)_tokens"\s*:\s*(\d+)/) ?? 0 };
}

function count(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
