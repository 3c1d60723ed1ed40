// What a client is told when nothing that is configured serves an endpoint: what to configure.

import type { ForwardEndpoint } from "../../contract/forward.ts";
import { GatewayError } from "../../contract/gateway-error.ts";

/** What follows "Set". Servers as their documents tell of them (2026-11); docs/forwarded-endpoints.md has the table. */
const remedies: Readonly<Record<ForwardEndpoint, string>> = {
  embeddings:
    "DASHSCOPE_API_KEY, or UPSTREAM_BASE_URL to a server with an embedding model (vLLM, SGLang, Ollama, llama.cpp, LM Studio)",
  rerank: "DASHSCOPE_API_KEY, or UPSTREAM_BASE_URL to a server with a reranking model (vLLM, SGLang, llama.cpp)",
  "images/generations":
    "QWEN_COOKIES to an account on chat.qwen.ai, or UPSTREAM_BASE_URL to a server that makes images",
  "audio/transcriptions": "UPSTREAM_BASE_URL to a server with a speech recognition model (vLLM, Ollama)",
  "audio/translations": "UPSTREAM_BASE_URL to a server with a speech recognition model (vLLM)",
  "audio/speech": "UPSTREAM_BASE_URL to a server with a speech model (Ollama)",
};

export function notServed(endpoint: ForwardEndpoint): GatewayError {
  return new GatewayError(
    "not-served",
    `Cannot serve /v1/${endpoint}: no upstream that is configured has it. Set ${remedies[endpoint]}`,
  );
}
