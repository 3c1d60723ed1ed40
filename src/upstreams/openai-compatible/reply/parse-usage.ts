// Token counts in our words, from whatever chunk told them.

import type { TokenUsage } from "../../../contract/events.ts";
import type { CompletionUsage, LlamaTimings } from "../../../wire/openai-compatible.ts";

/** Undefined where nothing was counted: zeros all over are LM Studio's way to say that it does not know (#1602). */
export function parseUsage(raw: CompletionUsage): TokenUsage | undefined {
  const inputTokens = raw.prompt_tokens ?? 0;
  const outputTokens = raw.completion_tokens ?? 0;
  if (typeof inputTokens !== "number" || typeof outputTokens !== "number") return undefined;
  if (inputTokens + outputTokens === 0) return undefined;
  const total = raw.total_tokens;
  const cachedTokens = raw.prompt_tokens_details?.cached_tokens;
  const reasoningTokens = raw.completion_tokens_details?.reasoning_tokens ?? raw.reasoning_tokens;
  return {
    inputTokens,
    outputTokens,
    totalTokens: typeof total === "number" && total > 0 ? total : inputTokens + outputTokens,
    ...(typeof cachedTokens === "number" ? { cachedTokens } : {}),
    ...(typeof reasoningTokens === "number" ? { reasoningTokens } : {}),
  };
}

/** llama.cpp counts in its timings what an older one does not tell as usage: what it read from its cache, and anew. */
export function parseTimings({ cache_n, prompt_n, predicted_n }: LlamaTimings): TokenUsage | undefined {
  if (typeof prompt_n !== "number" || typeof predicted_n !== "number") return undefined;
  const cachedTokens = cache_n ?? 0;
  const inputTokens = cachedTokens + prompt_n;
  return { inputTokens, outputTokens: predicted_n, totalTokens: inputTokens + predicted_n, cachedTokens };
}
