// llama.cpp's server (README @00dc805, server-task.cpp @00efb3e, 2026-06 to 2026-08). Its variants are what
// --reasoning-format says: "auto" puts thoughts into their own field, "none" leaves tags, "deepseek-legacy" does both.

import type { Json } from "../../../contract/json.ts";
import type { ChunkForm, Fields, Frame, UsageCount } from "../chunk-form.ts";
import { needsMessages, rendersTemplate, tooLong } from "../checks.ts";
import type { Dialect, ErrorRow, ModelListContext, Problem } from "../dialect.ts";
import type { ChatRequest } from "../read-request.ts";
import { localCard } from "./hosted-models.ts";
import { errorFrame, messageCalls, selfHosted, thinksByTemplate } from "./self-hosted.ts";

const fingerprint = "b9465-23e6dab86";

const form: ChunkForm = {
  opening: () => ({ role: "assistant", content: null }),
  gapAfterThoughts: "",
  callCut: "behind-head",
  hasEmptyLastPiece: false,
  finishRidesOnCalls: false,
  reasoning: (text) => ({ reasoning_content: text }),
  content: (text) => ({ content: text }),
  calls: (entries) => ({ tool_calls: entries }),
  callEntry: ({ index, id, name, argumentsText, isFirst }) =>
    isFirst
      ? { index, id, type: "function", function: { name, arguments: argumentsText } }
      : { index, function: { arguments: argumentsText } },
  endDelta: () => ({}),
  chunk: (delta, frame, _place, reason) => ({
    choices: [{ finish_reason: reason ?? null, index: 0, delta }],
    ...tail(frame),
  }),
  usage,
  usageChunk: (count, frame) => ({ choices: [], ...tail(frame), usage: count }),
  lastFields: (count) => ({ timings: timings(count) }),
  whole: ({ content, reasoning, calls, finishReason, usage: count }, frame) => ({
    choices: [
      {
        finish_reason: finishReason,
        index: 0,
        message: {
          role: "assistant",
          content: content === "" && calls.length > 0 ? null : content,
          ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
          ...(calls.length === 0 ? {} : { tool_calls: messageCalls(calls) }),
        },
      },
    ],
    created: frame.nowSeconds(),
    model: frame.model,
    system_fingerprint: fingerprint,
    object: "chat.completion",
    usage: usage(count),
    id: frame.id,
    timings: timings(usage(count)),
  }),
};

function tail(frame: Frame): Fields {
  return {
    created: frame.nowSeconds(),
    id: frame.id,
    model: frame.model,
    system_fingerprint: fingerprint,
    object: "chat.completion.chunk",
  };
}

function usage({ promptTokens, completionTokens }: UsageCount): Fields {
  return {
    completion_tokens: completionTokens,
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** Made up, but every member is there. */
function timings(count: Fields): Fields {
  const prompt = Number(count["prompt_tokens"]);
  const predicted = Number(count["completion_tokens"]);
  return {
    cache_n: 0,
    prompt_n: prompt,
    prompt_ms: prompt * 25,
    prompt_per_token_ms: 25,
    prompt_per_second: 40,
    predicted_n: predicted,
    predicted_ms: predicted * 14,
    predicted_per_token_ms: 14,
    predicted_per_second: 71.4,
  };
}

export const llamaCpp: Dialect = {
  ...selfHosted,
  name: "llama-cpp",
  variants: ["auto", "none", "deepseek-legacy"],
  form: () => form,
  quirks(variant) {
    if (variant === "none") return ["think-tags"];
    return variant === "deepseek-legacy" ? ["think-tags-too"] : [];
  },
  cards: [localCard("Qwen3.6-27B-Q4_0.gguf", { contextTokens: 131_072 })],
  servesAnyName: true,
  // b9478, PR 24013: every 30 s, before the first chunk too.
  keepAlive: { text: ":\n\n", everyMs: 30_000 },
  toolChoice: "named-is-auto",
  argumentStyle: "compact",
  newCallId: (hex) => hex,
  newReplyId: (hex) => `chatcmpl-${hex}`,
  checks: [
    needsMessages("'messages' is required"),
    rendersTemplate((exception) => ({
      name: "invalid-parameter",
      // As told in llama.cpp#20733 (2026-03); #27367 (2026-08) has the same with 500.
      message: `Unable to generate parser for this template. Automatic parser generation failed: \n------------\nWhile executing CallExpression at line 85, column 32 in source:\n...\nError: Jinja Exception: ${exception}`,
    })),
    checkPrefill,
    ({ promptTokens }, { contextTokens }) =>
      promptTokens >= contextTokens
        ? { ...tooLong(promptTokens, contextTokens), more: { n_prompt_tokens: promptTokens, n_ctx: contextTokens } }
        : undefined,
  ],
  errors: {
    rows: {
      "invalid-parameter": { status: 400, message: "Invalid request" },
      // PR 15780 (2025-09) and later.
      "context-too-long": {
        status: 400,
        type: "exceed_context_size_error",
        message: "request ({tokens} tokens) exceeds the available context size ({limit} tokens), try increasing it",
      },
      "invalid-key": { status: 401, type: "authentication_error", message: "Invalid API Key" },
      loading: { status: 503, type: "unavailable_error", message: "Loading model" },
      unavailable: { status: 503, type: "unavailable_error", message: "Loading model" },
      // llama.cpp#20260, #22878, #24807: the message holds the markup.
      "parse-failed": { status: 500, type: "server_error", message: "Failed to parse input at pos 39: " },
      "internal-error": { status: 500, type: "server_error", message: "Compute error." },
      "model-not-found": { status: 404, type: "not_found_error", message: "model not found" },
    },
    body: (row) => (row.shape === "empty" ? undefined : { error: errorOf(row) }),
    inStream: (row) => errorFrame(errorOf(row)),
    isDoneBehind: false,
  },
  historyReasoning: ["reasoning_content"],
  modelList: llamaModelList,
  endpoints: ["embeddings", "rerank"],
  infoRoutes: {
    "GET /health": () => Response.json({ status: "ok" }),
    "GET /props": (context) => Response.json(propsOf(context)),
  },
  notFound: () =>
    Response.json({ error: { code: 404, message: "File Not Found", type: "not_found_error" } }, { status: 404 }),
};

function errorOf({ status, code, message, type, more }: ErrorRow): Fields {
  return { code: code ?? status, message, type: type ?? "invalid_request_error", ...more };
}

/** A list that ends with the assistant is a beginning to go on with (common/chat.cpp). */
function checkPrefill(request: ChatRequest): Problem | undefined {
  const last = request.messages.at(-1);
  if (last?.role !== "assistant" || last.calls.length > 0 || !thinksByTemplate(request)) return undefined;
  return { name: "invalid-parameter", message: "Assistant response prefill is incompatible with enable_thinking." };
}

function llamaModelList({ cards, nowSeconds }: ModelListContext): Json {
  return {
    models: cards.map(({ id }) => ({
      name: id,
      model: id,
      modified_at: "",
      size: "",
      digest: "",
      type: "model",
      description: "",
      tags: [""],
      capabilities: ["completion"],
      parameters: "",
      details: {
        parent_model: "",
        format: "gguf",
        family: "",
        families: [""],
        parameter_size: "",
        quantization_level: "",
      },
    })),
    object: "list",
    data: cards.map(({ id }) => ({
      id,
      object: "model",
      created: nowSeconds,
      owned_by: "llamacpp",
      // What it was trained with; the window that it has stands in /props.
      meta: { vocab_type: 2, n_vocab: 248_320, n_ctx_train: 262_144, n_embd: 5120, n_params: 27e9, size: 15e9 },
    })),
  };
}

function propsOf(context: ModelListContext): Json {
  const [card] = context.cards;
  return {
    default_generation_settings: {
      id: 0,
      id_task: -1,
      n_ctx: card === undefined ? 0 : context.contextTokens(card),
      speculative: false,
      is_processing: false,
    },
    total_slots: 4,
    model_path: `/models/${card?.id ?? ""}`,
    modalities: { vision: card?.vision === true, audio: false },
    chat_template: "{# played by the emulator #}",
    build_info: fingerprint,
  };
}
