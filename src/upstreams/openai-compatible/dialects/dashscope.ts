// Alibaba Cloud Model Studio, pay as you go (base-url page, 2026-10-11). A key serves in its own region alone.

import type { Dialect } from "../dialect.ts";
import { hostedReply, hostedRequest } from "./hosted.ts";

export const dashscope: Dialect = {
  name: "dashscope",
  displayName: "DashScope",
  baseUrls: {
    intl: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    cn: "https://dashscope.aliyuncs.com/compatible-mode/v1",
    us: "https://dashscope-us.aliyuncs.com/compatible-mode/v1",
    hk: "https://cn-hongkong.dashscope.aliyuncs.com/compatible-mode/v1",
  },
  needsKey: true,
  notice: undefined,
  headers: [
    { name: "x-dashscope-cachecontrol", value: "enable", when: "cache-markers" },
    { name: "x-dashscope-ossresourceresolve", value: "enable", when: "oss-links" },
  ],
  request: {
    ...hostedRequest,
    begunAnswers: "partial",
    // As the partial-mode page lists them (2026-10), and the page of Qwen4-Max (2026-11): without thoughts.
    begunModels: /^qwen(?:2\.5|3(?:\.[567])?|4)?-(?:max|plus|flash|turbo|coder|vl)(?!.*thinking)/,
  },
  reply: hostedReply,
  models: {
    details: "none",
    fallback: [
      "qwen3.8-max",
      "qwen3.8-flash",
      "qwen3.7-max",
      "qwen3.7-plus",
      "qwen3.6-plus",
      "qwen-plus",
      "qwen-flash",
    ],
  },
  healthPath: undefined,
  // Rerank has a place of its own (LiteLLM page of 2026-10, Model Studio page of 2026-06). Images and audio exist in the
  // native form alone.
  endpoints: { embeddings: "embeddings", rerank: "/compatible-api/v1/reranks" },
  // text-embedding-v4 (embedding page, 2026-10).
  mostEmbeddings: 10,
  refusals: [],
};
