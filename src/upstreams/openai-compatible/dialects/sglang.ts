// SGLang (serving_chat.py of 2026-08): all keys on every delta, the idle ones null; errors of old versions under HTTP 200.

import type { Dialect } from "../dialect.ts";
import { selfHostedReply, selfHostedRequest } from "./self-hosted.ts";

export const sglang: Dialect = {
  name: "sglang",
  displayName: "SGLang",
  baseUrls: { local: "http://127.0.0.1:30000/v1" },
  needsKey: false,
  notice: undefined,
  headers: [],
  // PR 4226 (2025-03).
  request: { ...selfHostedRequest, begunAnswers: "continue_final_message" },
  reply: selfHostedReply,
  models: { details: "none", fallback: [] },
  // Not `/health`, which generates a token, and fails behind long prompts (PR 8444 of 2025-07, #22511 of 2026-05).
  healthPath: "models",
  endpoints: { embeddings: "embeddings", rerank: "rerank" },
  refusals: [],
};
