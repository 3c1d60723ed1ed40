// What replies cost: the list, whose every row says where it comes from, and the rules by which it is read.

import { describe, expect, test } from "bun:test";
import { listPrices } from "../../../../src/gateway/quotas/list-prices.ts";
import { createPriceOf } from "../../../../src/gateway/quotas/prices.ts";

const million = 1_000_000;
/** In dollars. */
function costOf(
  model: string,
  inputTokens: number,
  outputTokens: number,
  reasoningTokens?: number,
): number | undefined {
  const usage = { inputTokens, outputTokens, ...(reasoningTokens === undefined ? {} : { reasoningTokens }) };
  const price = createPriceOf()(model, usage);
  return price === undefined ? undefined : price / million;
}

describe("every row of the list", () => {
  test.each(listPrices.map((row) => [row.model, row] as const))(
    "%s says where it was read, and of which day",
    (_, row) => {
      expect(new URL(row.source.address).protocol).toBe("https:");
      expect(row.source.asOf).toMatch(/^20\d\d-\d\d-\d\d$/);
      expect(new Date(row.source.asOf).toISOString()).toStartWith(row.source.asOf);
      expect(Date.parse(row.source.asOf)).toBeLessThan(Date.now());
    },
  );

  test.each(listPrices.map((row) => [row.model, row.prices] as const))(
    "%s has a price for any prompt, and none that a longer one would save",
    (_, prices) => {
      const ends = prices.map(({ upToTokens }) => upToTokens);
      expect(ends.at(-1)).toBeUndefined();
      expect(ends.slice(0, -1)).toEqual(ends.slice(0, -1).toSorted((one, other) => (one ?? 0) - (other ?? 0)));
      expect(ends.slice(0, -1)).not.toContain(undefined);
      for (const [index, { input, output, thinkingOutput = output }] of prices.entries()) {
        expect(input).toBeGreaterThan(0);
        expect(thinkingOutput).toBeGreaterThanOrEqual(output);
        const before = prices[index - 1];
        if (before === undefined) continue;
        expect(input).toBeGreaterThan(before.input);
        expect(output).toBeGreaterThan(before.output);
      }
    },
  );

  test("stands there once", () => {
    const models = listPrices.map(({ model }) => model);
    expect(new Set(models).size).toBe(models.length);
  });
});

describe("what a reply costs", () => {
  // As the list says: qwen3-max at 1.2 and 6 dollars a million up to 32 K, 2.4 and 12 up to 128 K, 3 and 15 beyond.
  test.each([
    [1000, 1000, 0.0072],
    [32_000, 1000, 0.0444],
    [32_001, 1000, 0.088_802],
    [128_000, 1000, 0.3192],
    [128_001, 0, 0.384_003],
    [200_000, 10_000, 0.75],
  ])(
    "goes by the length of its prompt, for all of it: %d read and %d written are %d dollars",
    (read, written, dollars) => {
      expect(costOf("qwen3-max", read, written)).toBe(dollars);
    },
  );

  test.each([
    ["qwen3.8-max", million, million, 8],
    ["qwen3.8-flash", million, million, 0.62],
    ["qwen3.7-max", million, million, 10],
    ["qwen3.7-flash", 32_000, 1000, 0.001_09],
    ["qwen3.5-plus", 256_000, 0, 0.1024],
    ["qwen3.5-plus", 256_001, 0, 0.128_001],
    ["qwen3-coder-plus", 256_001, 1000, 1.596_006],
    ["qwen-flash", 1000, 1000, 0.000_45],
    ["text-embedding-v4", million, 0, 0.07],
  ])("of %s: %d read and %d written are %d dollars", (model, read, written, dollars) => {
    expect(costOf(model, read, written)).toBe(dollars);
  });

  test("is higher for one that thought, where the list says so, and the same elsewhere", () => {
    expect(costOf("qwen-plus", 0, million)).toBe(1.2);
    expect(costOf("qwen-plus", 0, million, 0)).toBe(1.2);
    expect(costOf("qwen-plus", 0, million, 10)).toBe(4);
    expect(costOf("qwen-plus", million, million, 10)).toBe(13.2);
    expect(costOf("qwen3-max", 0, million, 10)).toBe(6);
  });

  test("of a snapshot is that of its model, of a longer name that of the longest that fits", () => {
    expect(costOf("qwen3-max-2026-01-23", 1000, 0)).toBe(0.0012);
    expect(costOf("qwen3.8-max-0902", million, 0)).toBe(2);
    expect(costOf("qwen-plus-latest", million, 0)).toBe(1.2);
    expect(costOf("qwen-vl-plus-2025-01-25", million, 0)).toBe(0.21);
  });

  test("is not known of a model that no list has", () => {
    for (const model of ["home-made", "", "constructor", "__proto__", "text-embedding-v1", "gpt-5"])
      expect([model, costOf(model, 1000, 1000)]).toEqual([model, undefined]);
  });

  test("goes by the settings before the list", () => {
    const priceOf = createPriceOf({ own: { "qwen3-max": { input: 9, output: 0 }, "local*": { input: 0, output: 1 } } });
    expect(priceOf("qwen3-max", { inputTokens: 50_000, outputTokens: 5 })).toBe(450_000);
    expect(priceOf("qwen3-max-2026-01-23", { inputTokens: 1000, outputTokens: 0 })).toBe(1200);
    expect(priceOf("local/llama", { inputTokens: 1000, outputTokens: 7, reasoningTokens: 7 })).toBe(7);
  });
});
