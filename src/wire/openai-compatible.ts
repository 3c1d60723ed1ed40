// JSON of servers that speak OpenAI chat completions, as seen of DashScope, vLLM, SGLang, Ollama, llama.cpp and LM Studio
// between 2025-04 and 2026-11. Every field may be missing or null; "" says as little as a missing field.

/** @see https://platform.openai.com/docs/api-reference/chat-streaming/streaming (the form that all of them imitate) */
export interface CompletionChunk {
  readonly object?: string | null;
  readonly model?: string | null;
  readonly choices?: readonly CompletionChoice[] | null;
  readonly usage?: CompletionUsage | null;
  /** llama.cpp, on its last chunk (2025-12). */
  readonly timings?: LlamaTimings | null;
  /** Model Studio's native protocol: what its web search has found. */
  readonly search_info?: unknown;
}

export interface CompletionChoice {
  readonly index?: number | null;
  readonly delta?: CompletionDelta | null;
  /** A whole answer has this in place of `delta`. */
  readonly message?: CompletionDelta | null;
  /** `error_finish` is DashScope's own (a client of 2026-09 guards against it). */
  readonly finish_reason?: string | null;
}

export interface CompletionDelta {
  readonly role?: string | null;
  readonly content?: unknown;
  readonly refusal?: unknown;
  /** DashScope, SGLang, llama.cpp, LM Studio; vLLM up to 0.15. */
  readonly reasoning_content?: unknown;
  /** Ollama; vLLM from 0.12 on (both names up to 0.15). */
  readonly reasoning?: unknown;
  /** The native name of some servers behind a thin adapter. */
  readonly thinking?: unknown;
  readonly tool_calls?: readonly ToolCallPiece[] | null;
  /** Pages that the answer cites (OpenAI, OpenRouter). */
  readonly annotations?: unknown;
  /** The form before `tool_calls`. */
  readonly function_call?: ToolCallPiece["function"];
}

export interface ToolCallPiece {
  readonly index?: number | null;
  /** Continuations: "" (DashScope, as of 2026), null (SGLang), missing (vLLM, llama.cpp). */
  readonly id?: string | null;
  readonly function?: {
    readonly name?: string | null;
    /** Text by the protocol; an object from adapters that forgot to write it as JSON. */
    readonly arguments?: unknown;
  } | null;
}

export interface CompletionUsage {
  readonly prompt_tokens?: number | null;
  /** Includes the reasoning, on DashScope too (2026-06). */
  readonly completion_tokens?: number | null;
  readonly total_tokens?: number | null;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number | null } | null;
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number | null } | null;
  /** SGLang (2025-09). */
  readonly reasoning_tokens?: number | null;
}

export interface LlamaTimings {
  readonly cache_n?: number | null;
  readonly prompt_n?: number | null;
  readonly predicted_n?: number | null;
}

/** An entry of `GET /v1/models`. */
export interface ListedModel {
  readonly id?: string | null;
  /** Unix seconds. */
  readonly created?: number | null;
  /** "vllm", "sglang", "llamacpp"; Ollama: the namespace, mostly "library". */
  readonly owned_by?: string | null;
  /** vLLM and SGLang: the context window. */
  readonly max_model_len?: number | null;
  /** llama.cpp: `n_ctx_train` (2025) is what the model was trained with, `n_ctx` (2026-06) what the server allows. */
  readonly meta?: { readonly n_ctx?: number | null; readonly n_ctx_train?: number | null } | null;
  /** Names that aggregators use for the context window. */
  readonly context_length?: number | null;
  readonly context_window?: number | null;
}

/** An entry of LM Studio's own list, `GET /api/v0/models` (2025). */
export interface LmStudioModel {
  readonly id?: string | null;
  /** "llm", "vlm", "embeddings". */
  readonly type?: string | null;
  readonly max_context_length?: number | null;
  readonly loaded_context_length?: number | null;
}

/** `POST /api/show` of Ollama (2026-08): keys of `model_info` begin with the architecture, such as `qwen3.context_length`. */
export interface OllamaModelDetails {
  readonly model_info?: Readonly<Record<string, unknown>> | null;
  /** "vision", "thinking", "tools", "completion"; "embedding" of models that do nothing else. */
  readonly capabilities?: readonly string[] | null;
}

/** `GET /props` of llama.cpp: `n_ctx` is the real context window of a slot. */
export interface LlamaProps {
  readonly default_generation_settings?: { readonly n_ctx?: number | null } | null;
  readonly n_ctx?: number | null;
  readonly modalities?: { readonly vision?: boolean | null } | null;
}
