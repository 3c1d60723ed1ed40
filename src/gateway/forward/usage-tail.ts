// The token counts at the end of an answer, JSON or events of it: read from its last bytes, since it is never parsed.

import type { TokenUsage } from "../../contract/events.ts";

/** `usage` is the last member of every server that is known (2026-11); it takes some hundred bytes. */
const tailBytes = 1024;

export class UsageTail {
  #tail: Uint8Array = new Uint8Array();

  note(bytes: Uint8Array): void {
    if (bytes.length >= tailBytes) this.#tail = bytes.slice(-tailBytes);
    else this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-tailBytes);
  }

  read(): Pick<TokenUsage, "inputTokens" | "outputTokens"> | undefined {
    const text = new TextDecoder().decode(this.#tail);
    const usage = text.slice(text.lastIndexOf('"usage"') + 1);
    if (usage.length === text.length) return undefined;
    // The sum is all that some tell; of images it stands in front of its parts.
    const inputTokens =
      count(usage, /"(?:prompt|input)_tokens"\s*:\s*(\d+)/) ?? count(usage, /"total_tokens"\s*:\s*(\d+)/);
    if (inputTokens === undefined) return undefined;
    return { inputTokens, outputTokens: count(usage, /"(?:completion|output)_tokens"\s*:\s*(\d+)/) ?? 0 };
  }
}

function count(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
