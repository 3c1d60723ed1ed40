// vLLM. Its reasoning field was `reasoning_content` up to 0.11, both names to 0.15, `reasoning` since (PRs 27752, 33402).

import type { Dialect } from "../dialect.ts";
import { selfHostedReply, selfHostedRequest } from "./self-hosted.ts";

export const vllm: Dialect = {
  name: "vllm",
  displayName: "vLLM",
  baseUrls: { local: "http://127.0.0.1:8000/v1" },
  needsKey: false,
  notice: undefined,
  headers: [],
  request: {
    ...selfHostedRequest,
    // From 0.16 on the old name is dropped silently (#38488), before 0.12 the new one is unknown.
    reasoningReplay: ["reasoning", "reasoning_content"],
    budgetField: "thinking_token_budget",
    // Else the model begins another message (0.6 on, 2024-10).
    begunAnswers: "continue_final_message",
  },
  // #40816: thinking switched off, and the whole answer arrives in `reasoning`.
  // #51641: a stop string that the model thinks of ends the reply without an answer.
  reply: { ...selfHostedReply, stopsInThoughts: true },
  models: { details: "none", fallback: [] },
  // Asks the engine whether it lives, and generates nothing (vllm#24491, 2025-09).
  healthPath: "/health",
  // openai_compatible_server page of 0.22 (2026-10): which of them a server has, its model decides.
  endpoints: {
    embeddings: "embeddings",
    rerank: "rerank",
    "audio/transcriptions": "audio/transcriptions",
    "audio/translations": "audio/translations",
  },
  refusals: [],
};
