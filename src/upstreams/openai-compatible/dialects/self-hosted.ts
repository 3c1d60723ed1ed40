// What servers of one's own have in common: the chat template of the model decides, thinking is an argument of it.

import type { ReplyRules, RequestRules } from "../dialect.ts";
import { serviceFields } from "./service-fields.ts";

export const selfHostedRequest: RequestRules = {
  reasoningReplay: ["reasoning_content"],
  preserveThinking: false,
  thinkingSwitch: "chat_template_kwargs",
  saysThinkingAlways: false,
  alwaysThinks: undefined,
  budgetField: undefined,
  // Arguments of the Qwen3.8 template (2026-08); older templates do not read them.
  efforts: { none: "none", minimal: "low", low: "low", medium: "medium", high: "xhigh", xhigh: "xhigh" },
  effortModels: undefined,
  drops: [
    ...serviceFields,
    "enable_thinking",
    "thinking_budget",
    "reasoning_effort",
    "reasoning",
    "enable_search",
    "search_options",
    "enable_code_interpreter",
    "vl_high_resolution_images",
  ],
  sampling: undefined,
  webSearch: false,
  asksForParallelCalls: false,
  toolChoice: "full",
  noneDropsTools: true,
  // vLLM, SGLang, Ollama, llama.cpp and LM Studio compile a grammar of the schema (their sources, 2026-08).
  jsonAnswers: "schema",
  strictTools: true,
  jsonObject: "send",
  emptyParameters: "omit",
  requiresProperties: false,
  messageExtras: ["name"],
  partExtras: [],
  maxCacheMarkers: 0,
  plainTextModels: undefined,
  imageUrls: "any",
  // vLLM, SGLang, Ollama, llama.cpp and LM Studio answer both ways, whatever the model (their sources, 2026-08).
  wholeAnswers: true,
  // llama.cpp, Ollama and the like go on by themselves.
  begunAnswers: "none",
  begunModels: undefined,
  files: "text",
};

export const selfHostedReply: ReplyRules = {
  // Without a reasoning parser the template's own tags stay in the content.
  thinkTags: true,
  // vLLM and SGLang let raw XML through (#39056, club-3090#145), llama.cpp whole blocks (#22878).
  callsInText: true,
  unopenedThoughts: true,
  cumulativeDeltas: false,
  answersInReasoning: true,
  doneIsFinish: false,
  stopsInThoughts: false,
  truncatesSilently: false,
};
