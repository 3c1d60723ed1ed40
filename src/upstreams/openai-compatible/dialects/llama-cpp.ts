// llama.cpp's server (README and server-task.cpp of 2026-08): a bare `:` every 30 s, errors in a stream without `[DONE]`.

import type { Dialect } from "../dialect.ts";
import { selfHostedReply, selfHostedRequest } from "./self-hosted.ts";

export const llamaCpp: Dialect = {
  name: "llama-cpp",
  displayName: "llama.cpp",
  // The default port was 8080 until 2026; newer ones listen on 9931.
  baseUrls: { local: "http://127.0.0.1:8080/v1", "local-2026": "http://127.0.0.1:9931/v1" },
  needsKey: false,
  notice: undefined,
  headers: [],
  // A named choice is silently taken for "auto".
  request: { ...selfHostedRequest, toolChoice: "required-only" },
  // `--reasoning-format none` leaves the tags in the content.
  reply: { ...selfHostedReply, answersInReasoning: false },
  models: { details: "llama-props", fallback: [] },
  healthPath: "/health",
  endpoints: { embeddings: "embeddings", rerank: "rerank" },
  refusals: [],
};
