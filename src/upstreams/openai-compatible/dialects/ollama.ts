// Ollama's OpenAI layer (openai.go of 2026-08-21). Loading a model may take minutes; long prompts are cut without a word.

import type { Dialect } from "../dialect.ts";
import { ollamaRows } from "../refusals/refusal-rows.ts";
import { selfHostedReply, selfHostedRequest } from "./self-hosted.ts";

export const ollama: Dialect = {
  name: "ollama",
  displayName: "Ollama",
  baseUrls: { local: "http://127.0.0.1:11434/v1" },
  needsKey: false,
  notice: undefined,
  headers: [],
  request: {
    ...selfHostedRequest,
    // It does not read `reasoning_content`.
    reasoningReplay: ["reasoning"],
    thinkingSwitch: "reasoning_effort",
    efforts: { none: "none", minimal: "low", low: "low", medium: "medium", high: "high", xhigh: "max" },
    drops: [...selfHostedRequest.drops, "chat_template_kwargs", "n", "logit_bias", "parallel_tool_calls"],
    // It takes 1.0 for both when they are missing, whatever the Modelfile says. Qwen3 model card, 2025-04.
    sampling: { thinking: { temperature: 0.6, top_p: 0.95 }, plain: { temperature: 0.7, top_p: 0.8 } },
    toolChoice: "none",
    // Tools without `parameters` are refused (qwen-code 0.24.4).
    emptyParameters: "send",
    imageUrls: "data-only",
  },
  // Its own parser separates thoughts, but a model whose Modelfile has no template for them leaves its tags.
  reply: { ...selfHostedReply, answersInReasoning: false, truncatesSilently: true },
  models: { details: "ollama-show", fallback: [] },
  // Loads no model.
  healthPath: "/api/version",
  // The page on OpenAI's protocol of 0.40 (2026-10); pictures are experimental, speech came with 0.40.8.
  endpoints: {
    embeddings: "embeddings",
    "images/generations": "images/generations",
    "audio/transcriptions": "audio/transcriptions",
    "audio/speech": "audio/speech",
  },
  refusals: ollamaRows,
};
