// ModelScope's inference API (qwen-code 0.24.4 presets, 2026-09): open-weight models, a daily number of free requests.

import type { Dialect } from "../dialect.ts";
import { hostedReply, hostedRequest } from "./hosted.ts";

export const modelscope: Dialect = {
  name: "modelscope",
  displayName: "ModelScope",
  baseUrls: { cn: "https://api-inference.modelscope.cn/v1" },
  needsKey: true,
  notice: undefined,
  headers: [],
  request: {
    ...hostedRequest,
    preserveThinking: false,
    webSearch: false,
    efforts: undefined,
    drops: [...hostedRequest.drops, "enable_search", "search_options"],
    // No word of it in its documents (2026-11).
    jsonAnswers: "none",
    messageExtras: ["name"],
    partExtras: [],
    maxCacheMarkers: 0,
  },
  // Open-weight models behind the parsers of self-hosted servers.
  reply: { ...hostedReply, callsInText: true },
  models: { details: "none", fallback: [] },
  healthPath: undefined,
  // Pictures are made by jobs that are asked for again and again: not OpenAI's form.
  endpoints: {},
  refusals: [],
};
