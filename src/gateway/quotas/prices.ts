// What a reply costs, roughly: by the settings, or the list prices. What is paid in the end is on the bill.

import type { TokenUsage } from "../../contract/events.ts";
import { type Price, listPrices } from "./list-prices.ts";

/** What a reply took, as far as prices go by it. */
export type PricedUsage = Pick<TokenUsage, "inputTokens" | "outputTokens" | "reasoningTokens">;

export interface PriceOptions {
  /** Before the list: by pattern with `*` for anything. */
  readonly own?: Readonly<Record<string, { readonly input: number; readonly output: number }>> | undefined;
}

/** @returns undefined for a model whose price nobody knows */
export type PriceOf = (model: string, usage: PricedUsage) => number | undefined;

/** In millionths of a dollar. */
export function createPriceOf({ own = {} }: PriceOptions = {}): PriceOf {
  const listed = listPrices.toSorted((one, other) => other.model.length - one.model.length);

  function pricesOf(model: string): readonly Price[] | undefined {
    const exact = Object.hasOwn(own, model) ? own[model] : undefined;
    if (exact !== undefined) return [exact];
    const pattern = Object.keys(own).find((name) => name.endsWith("*") && model.startsWith(name.slice(0, -1)));
    if (pattern !== undefined) return [own[pattern]!];
    return listed.find((one) => model.startsWith(one.model))?.prices;
  }

  return (model, { inputTokens, outputTokens, reasoningTokens = 0 }) => {
    const prices = pricesOf(model);
    const price = prices?.find(({ upToTokens = Number.POSITIVE_INFINITY }) => inputTokens <= upToTokens);
    if (price === undefined) return undefined;
    const perOutput = reasoningTokens > 0 ? (price.thinkingOutput ?? price.output) : price.output;
    // Dollars for a million of them are millionths of a dollar for one.
    return Math.round(inputTokens * price.input + outputTokens * perOutput);
  };
}
