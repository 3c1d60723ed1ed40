// What the hosts of Alibaba Cloud have in common. The dialects of DashScope, its plans and ModelScope begin with it.

import type { ReplyRules, RequestRules } from "../dialect.ts";
import { serviceFields } from "./service-fields.ts";

/** Model Studio pages of 2026-10, and what qwen-code 0.24.4 (2026-09) sends there. */
export const hostedRequest: RequestRules = {
  reasoningReplay: ["reasoning_content"],
  preserveThinking: true,
  thinkingSwitch: "enable_thinking",
  // Defaults differ: qwen-plus does not think by itself, qwen3.5 and later do (deep-thinking page).
  saysThinkingAlways: true,
  alwaysThinks: undefined,
  budgetField: "thinking_budget",
  efforts: { none: "none", minimal: "low", low: "low", medium: "medium", high: "xhigh", xhigh: "xhigh" },
  effortModels: /^(?:qwen\/)?qwen(?:3\.8|4)/i,
  drops: [...serviceFields, "chat_template_kwargs", "reasoning"],
  sampling: undefined,
  webSearch: true,
  asksForParallelCalls: true,
  toolChoice: "full",
  noneDropsTools: false,
  // The error-code page of 2026-10 tells of both; models that lack one refuse, and are asked in words then.
  jsonAnswers: "schema",
  strictTools: false,
  jsonObject: "send",
  emptyParameters: "omit",
  requiresProperties: false,
  messageExtras: ["name", "partial"],
  partExtras: ["cache_control", "min_pixels", "max_pixels"],
  // The most that one request may have (context-cache page, 2026-10).
  maxCacheMarkers: 4,
  // glm without tools drops content in parts silently (qwen-code 0.24.4).
  plainTextModels: /^glm-/i,
  imageUrls: "any",
  // Older hybrids refuse to think without a stream, some models to answer at all (error-code page of Model Studio).
  wholeAnswers: false,
  begunAnswers: "none",
  begunModels: undefined,
  files: "text",
};

/** Tags and cumulative deltas as qwen-code 0.24.4 guards against them. */
export const hostedReply: ReplyRules = {
  thinkTags: true,
  // No report of one: their calls come as calls.
  callsInText: false,
  unopenedThoughts: false,
  cumulativeDeltas: true,
  answersInReasoning: false,
  doneIsFinish: false,
  stopsInThoughts: false,
  truncatesSilently: false,
};
