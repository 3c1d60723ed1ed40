// Fields of OpenAI's own service that Qwen servers have no use for. @see https://platform.openai.com/docs/api-reference/chat/create

export const serviceFields: readonly string[] = [
  "store",
  "service_tier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "verbosity",
  "prediction",
  "web_search_options",
  // qwen-code sends an object here, and other vendors' models behind DashScope refuse it (qwen-code 0.24.4).
  "metadata",
];
