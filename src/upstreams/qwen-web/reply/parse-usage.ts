// Token counts of the backend in our words, from a stream's event and from a JSON answer alike.

import type { TokenUsage } from "../../../contract/events.ts";
import type { QwenUsage } from "../../../wire/qwen-web.ts";

/** Undefined where the counts are not whole: then nothing was said. */
export function parseUsage(raw: QwenUsage): TokenUsage | undefined {
  if (typeof raw.input_tokens !== "number" || typeof raw.output_tokens !== "number") return undefined;
  const cachedTokens = raw.prompt_tokens_details?.cached_tokens ?? raw.cached_tokens;
  const reasoningTokens = raw.output_tokens_details?.reasoning_tokens;
  const counts = {
    inputTokens: raw.input_tokens,
    outputTokens: raw.output_tokens,
    totalTokens: raw.total_tokens ?? raw.input_tokens + raw.output_tokens,
  };
  if (cachedTokens === undefined && reasoningTokens === undefined) return counts;
  return {
    ...counts,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
  };
}
