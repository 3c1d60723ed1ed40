// What models cost by the lists of Alibaba Cloud Model Studio, international edition (Singapore), pay as you go, without discounts for
// caches, batches and a limited time. Data: each row says where its figures were read, and of which day they are.

/** @see https://www.alibabacloud.com/help/en/model-studio/model-pricing - the list itself, of which the sources tell */
export interface PriceSource {
  /** Where the figures were read. */
  readonly address: string;
  /** The day for which it states them, as YYYY-MM-DD. */
  readonly asOf: string;
}

/** US dollars for a million tokens. The whole request is paid at the price of its prompt's length. */
export interface Price {
  /** Prompts of up to so many tokens. Absent: any. */
  readonly upToTokens?: number;
  readonly input: number;
  readonly output: number;
  /** All output of a reply that thought, its thoughts included. @defaultValue `output` */
  readonly thinkingOutput?: number;
}

export interface ListPrice {
  /** A model, and those whose names go on behind it: snapshots, previews, the latest. Of several the longest counts. */
  readonly model: string;
  readonly source: PriceSource;
  /** By the length of prompts, the shortest first; the last one has no end. */
  readonly prices: readonly Price[];
}

/** The page of the list, copied row by row. */
const pageOfAugust: PriceSource = { address: "https://github.com/theopenco/llmgateway/pull/3583", asOf: "2026-08-12" };

/**
 * The provider's own catalogue (https://dashscope-intl.aliyuncs.com/api/v1/models), written out by a synchronisation and compared here
 * and there with the price page of its console: https://github.com/anomalyco/models.dev/pull/2950. The list that litellm publishes has
 * the same figures, where it has these models.
 */
function catalogueOfJune(model: string): PriceSource {
  const commit = "0654d77cad6b9536b8bafcc23ebd92232a82be77";
  const address = `https://github.com/anomalyco/models.dev/blob/${commit}/providers/alibaba/models/${model}.toml`;
  return { address, asOf: "2026-06-30" };
}

export const listPrices: readonly ListPrice[] = [
  {
    model: "qwen3.8-max",
    source: { address: "https://docs.apiyi.com/en/news/qwen-3-8-max-launch.md", asOf: "2026-08-03" },
    prices: [{ input: 2, output: 6 }],
  },
  {
    // It names https://www.alibabacloud.com/help/en/model-studio/qwen3-8-flash.
    model: "qwen3.8-flash",
    source: {
      address:
        "https://github.com/anomalyco/models.dev/blob/aa754858611ce7e9b648ff715a901bc1b5a31cdb/providers/alibaba/models/qwen3.8-flash.toml",
      asOf: "2026-08-28",
    },
    prices: [{ input: 0.15, output: 0.47 }],
  },
  {
    // Read from the page of the model.
    model: "qwen3.7-max",
    source: { address: "https://github.com/MemberJunction/MJ/pull/2650", asOf: "2026-05-21" },
    prices: [{ input: 2.5, output: 7.5 }],
  },
  {
    model: "qwen3.7-plus",
    source: catalogueOfJune("qwen3.7-plus"),
    prices: [
      { upToTokens: 256_000, input: 0.4, output: 1.6 },
      { input: 1.2, output: 4.8 },
    ],
  },
  {
    // It names the page of the list.
    model: "qwen3.7-flash",
    source: {
      address:
        "https://github.com/anomalyco/models.dev/blob/24fce92d6cafb8f19a8d976657ecf53549d6b592/providers/alibaba/models/qwen3.7-flash.toml",
      asOf: "2026-09-22",
    },
    prices: [
      { upToTokens: 32_000, input: 0.03, output: 0.13 },
      { upToTokens: 256_000, input: 0.1, output: 0.4 },
      { input: 0.2, output: 0.8 },
    ],
  },
  {
    model: "qwen3.6-plus",
    source: catalogueOfJune("qwen3.6-plus"),
    prices: [
      { upToTokens: 256_000, input: 0.5, output: 3 },
      { input: 2, output: 6 },
    ],
  },
  {
    model: "qwen3.6-flash",
    source: catalogueOfJune("qwen3.6-flash"),
    prices: [
      { upToTokens: 256_000, input: 0.25, output: 1.5 },
      { input: 1, output: 4 },
    ],
  },
  {
    model: "qwen3.5-plus",
    source: catalogueOfJune("qwen3.5-plus"),
    prices: [
      { upToTokens: 256_000, input: 0.4, output: 2.4 },
      { input: 0.5, output: 3 },
    ],
  },
  {
    model: "qwen3.5-flash",
    source: catalogueOfJune("qwen3.5-flash"),
    prices: [{ input: 0.1, output: 0.4 }],
  },
  {
    model: "qwen3-max",
    source: pageOfAugust,
    prices: [
      { upToTokens: 32_000, input: 1.2, output: 6 },
      { upToTokens: 128_000, input: 2.4, output: 12 },
      { input: 3, output: 15 },
    ],
  },
  {
    model: "qwen-max",
    source: catalogueOfJune("qwen-max"),
    prices: [{ input: 1.6, output: 6.4 }],
  },
  {
    model: "qwen-plus",
    source: catalogueOfJune("qwen-plus"),
    prices: [
      { upToTokens: 256_000, input: 0.4, output: 1.2, thinkingOutput: 4 },
      { input: 1.2, output: 3.6, thinkingOutput: 12 },
    ],
  },
  {
    model: "qwen-flash",
    source: catalogueOfJune("qwen-flash"),
    prices: [
      { upToTokens: 256_000, input: 0.05, output: 0.4 },
      { input: 0.25, output: 2 },
    ],
  },
  {
    model: "qwen-turbo",
    source: catalogueOfJune("qwen-turbo"),
    prices: [{ input: 0.05, output: 0.2, thinkingOutput: 0.5 }],
  },
  {
    model: "qwen3-coder-plus",
    source: pageOfAugust,
    prices: [
      { upToTokens: 32_000, input: 1, output: 5 },
      { upToTokens: 128_000, input: 1.8, output: 9 },
      { upToTokens: 256_000, input: 3, output: 15 },
      { input: 6, output: 60 },
    ],
  },
  {
    model: "qwen3-coder-flash",
    source: catalogueOfJune("qwen3-coder-flash"),
    prices: [
      { upToTokens: 32_000, input: 0.3, output: 1.5 },
      { upToTokens: 128_000, input: 0.5, output: 2.5 },
      { upToTokens: 256_000, input: 0.8, output: 4 },
      { input: 1.6, output: 9.6 },
    ],
  },
  {
    model: "qwen3-vl-plus",
    source: catalogueOfJune("qwen3-vl-plus"),
    prices: [
      { upToTokens: 32_000, input: 0.2, output: 1.6 },
      { upToTokens: 128_000, input: 0.3, output: 2.4 },
      { input: 0.6, output: 4.8 },
    ],
  },
  {
    model: "qwen3-vl-flash",
    source: catalogueOfJune("qwen3-vl-flash"),
    prices: [
      { upToTokens: 32_000, input: 0.05, output: 0.4 },
      { upToTokens: 128_000, input: 0.075, output: 0.6 },
      { input: 0.12, output: 0.96 },
    ],
  },
  {
    model: "qwen-vl-max",
    source: catalogueOfJune("qwen-vl-max"),
    prices: [{ input: 0.8, output: 3.2 }],
  },
  {
    model: "qwen-vl-plus",
    source: catalogueOfJune("qwen-vl-plus"),
    prices: [{ input: 0.21, output: 0.63 }],
  },
  {
    model: "qwq-plus",
    source: {
      address:
        "https://github.com/anomalyco/models.dev/blob/079e640e3e841ca69f644b95274d2ef8c9483893/providers/alibaba/models/qwq-plus.toml",
      asOf: "2025-03-05",
    },
    prices: [{ input: 0.8, output: 2.4 }],
  },
  ...["text-embedding-v4", "text-embedding-v3"].map((model) => ({
    model,
    source: {
      address: "https://www.alibabacloud.com/help/en/model-studio/embedding-interfaces-compatible-with-openai",
      asOf: "2025-12-15",
    },
    prices: [{ input: 0.07, output: 0 }],
  })),
];
