// What a reply costs, roughly: the public prices of models, for limits of spending. What is paid in the end is on the bill.

import type { TokenUsage } from "../../contract/events.ts";

/** US dollars for a million tokens read, and for a million written. */
export interface Price {
  /** Prompts of up to so many tokens. Absent: any. */
  readonly upToTokens?: number;
  readonly input: number;
  readonly output: number;
}

/**
 * List prices of Alibaba Cloud Model Studio, international edition, pay as you go, without discounts for caches and batches;
 * thoughts at the price of words. By beginnings of names, the longest that fits.
 * Written down by hand and not confirmed since: no copy of the page is kept with this project. PRICES goes before all of them.
 * @see https://www.alibabacloud.com/help/en/model-studio/model-pricing (as known 2026-08)
 */
const listPrices: Readonly<Record<string, readonly Price[]>> = {
  "qwen3-max": [
    { upToTokens: 32_000, input: 1.2, output: 6 },
    { upToTokens: 128_000, input: 2.4, output: 12 },
    { input: 3, output: 15 },
  ],
  "qwen-max": [{ input: 1.6, output: 6.4 }],
  "qwen-plus": [
    { upToTokens: 256_000, input: 0.4, output: 1.2 },
    { input: 1.2, output: 3.6 },
  ],
  "qwen-flash": [
    { upToTokens: 256_000, input: 0.05, output: 0.4 },
    { input: 0.25, output: 2 },
  ],
  "qwen-turbo": [{ input: 0.05, output: 0.2 }],
  "qwen3-coder-plus": [
    { upToTokens: 32_000, input: 1, output: 5 },
    { upToTokens: 128_000, input: 1.8, output: 9 },
    { upToTokens: 256_000, input: 3, output: 15 },
    { input: 6, output: 60 },
  ],
  "qwen3-coder-flash": [
    { upToTokens: 32_000, input: 0.3, output: 1.5 },
    { upToTokens: 128_000, input: 0.5, output: 2.5 },
    { upToTokens: 256_000, input: 0.8, output: 4 },
    { input: 1.6, output: 9.6 },
  ],
  "qwen-vl-max": [{ input: 0.8, output: 3.2 }],
  "qwen-vl-plus": [{ input: 0.21, output: 0.63 }],
  "qwq-plus": [{ input: 0.8, output: 2.4 }],
  "text-embedding-v": [{ input: 0.07, output: 0 }],
};

export interface PriceOptions {
  /** Before the list: by pattern with `*` for anything. */
  readonly own?: Readonly<Record<string, { readonly input: number; readonly output: number }>> | undefined;
}

/** @returns undefined for a model whose price nobody knows */
export type PriceOf = (model: string, usage: Pick<TokenUsage, "inputTokens" | "outputTokens">) => number | undefined;

/** In millionths of a dollar. */
export function createPriceOf({ own = {} }: PriceOptions = {}): PriceOf {
  const known = Object.keys(listPrices).sort((one, other) => other.length - one.length);

  function pricesOf(model: string): readonly Price[] | undefined {
    const exact = Object.hasOwn(own, model) ? own[model] : undefined;
    if (exact !== undefined) return [exact];
    const pattern = Object.keys(own).find((name) => name.endsWith("*") && model.startsWith(name.slice(0, -1)));
    if (pattern !== undefined) return [own[pattern]!];
    const name = known.find((one) => model.startsWith(one));
    return name === undefined ? undefined : listPrices[name];
  }

  return (model, { inputTokens, outputTokens }) => {
    const prices = pricesOf(model);
    const price = prices?.find(({ upToTokens = Number.POSITIVE_INFINITY }) => inputTokens <= upToTokens);
    // Dollars for a million of them are millionths of a dollar for one.
    return price && Math.round(inputTokens * price.input + outputTokens * price.output);
  };
}
