// LM Studio, by its bug tracker and changelog (2025-05 to 2026-06): it is closed source. Its variants are the user's
// setting for thoughts: "separate" puts them into their own field, "tags" leaves them in content.

import type { Json } from "../../../contract/json.ts";
import type { ChunkForm, Fields, Frame, UsageCount } from "../chunk-form.ts";
import { needsKnownModel, needsMessages, rendersTemplate, responseFormatType, tooLong } from "../checks.ts";
import type { Dialect, ErrorRow, ModelListContext } from "../dialect.ts";
import type { ModelCard } from "../model-card.ts";
import { localCard } from "./hosted-models.ts";
import { messageCalls, selfHosted } from "./self-hosted.ts";
import { formatSseEvent } from "../../../sse/sse-writer.ts";

const form: ChunkForm = {
  opening: undefined,
  gapAfterThoughts: "",
  callCut: "behind-head",
  hasEmptyLastPiece: false,
  finishRidesOnCalls: false,
  // Deltas with thoughts repeat the role.
  reasoning: (text) => ({ role: "assistant", reasoning_content: text }),
  content: (text, { ordinal }) => ({ ...roleAt(ordinal), content: text }),
  calls: (entries, { ordinal }) => ({ ...roleAt(ordinal), tool_calls: entries }),
  callEntry: ({ index, id, name, argumentsText, isFirst }) => ({
    index,
    ...(isFirst ? { id } : {}),
    type: "function",
    function: { name: isFirst ? name : "", arguments: argumentsText },
  }),
  endDelta: () => ({}),
  chunk: (delta, frame, _place, reason) => ({
    ...envelope(frame, "chat.completion.chunk"),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason ?? null }],
  }),
  usage,
  usageChunk: (count, frame) => ({ ...envelope(frame, "chat.completion.chunk"), choices: [], usage: count }),
  whole: ({ content, reasoning, calls, finishReason, usage: count }, frame) => ({
    id: frame.id,
    object: "chat.completion",
    created: frame.nowSeconds(),
    model: frame.model,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content,
          ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
          tool_calls: messageCalls(calls),
        },
        logprobs: null,
        finish_reason: finishReason,
      },
    ],
    usage: usage(count),
    stats: {},
    system_fingerprint: frame.model,
  }),
};

function roleAt(ordinal: number): Fields {
  return ordinal === 0 ? { role: "assistant" } : {};
}

/** The fingerprint is the model's id. */
function envelope(frame: Frame, object: string): Fields {
  return { id: frame.id, object, created: frame.nowSeconds(), model: frame.model, system_fingerprint: frame.model };
}

function usage({ promptTokens, completionTokens }: UsageCount): Fields {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

export const lmStudio: Dialect = {
  ...selfHosted,
  name: "lm-studio",
  variants: ["separate", "tags"],
  form: () => form,
  quirks: (variant) => (variant === "tags" ? ["think-tags"] : []),
  cards: [localCard("qwen/qwen3.5-35b-a3b", { contextTokens: 32_768 })],
  servesAnyName: false,
  keepAlive: { text: ":\n\n", everyMs: undefined },
  argumentStyle: "compact",
  newCallId: (hex) => String((Number.parseInt(hex.slice(0, 8), 16) % 900_000_000) + 100_000_000),
  newReplyId: (hex) => `chatcmpl-${hex.slice(0, 24)}`,
  checks: [
    needsMessages("'messages' field is required"),
    needsKnownModel,
    // lmstudio-bug-tracker#670 (2025-05), still so in 2026-07.
    ({ toolChoice }) =>
      typeof toolChoice === "string"
        ? undefined
        : {
            name: "invalid-parameter",
            message: "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
          },
    (request) =>
      responseFormatType(request) === "json_object"
        ? { name: "invalid-parameter", message: "'response_format.type' must be 'json_schema' or 'text'" }
        : undefined,
    rendersTemplate((exception) => ({
      name: "invalid-parameter",
      message: `Error rendering prompt with jinja template: "${exception}".\n\nThis is usually an issue with the model's prompt template.`,
      isInStream: true,
    })),
    ({ promptTokens }, { contextTokens }) =>
      promptTokens >= contextTokens ? { ...tooLong(promptTokens, contextTokens), isInStream: true } : undefined,
  ],
  errors: {
    rows: {
      "invalid-parameter": { status: 400, message: "Bad request", shape: "text" },
      "context-too-long": {
        status: 400,
        shape: "text",
        message:
          "Trying to keep the first {tokens} tokens when context the overflows. However, the model is loaded with context length of only {limit} tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input",
      },
      "model-not-found": {
        status: 404,
        code: "model_not_found",
        param: "model",
        message:
          'Model "{model}" not found. Please specify a valid model, or load one with the developer page or `lms load`.',
      },
      "internal-error": {
        status: 500,
        message: "The model has crashed without additional information.",
        shape: "text",
      },
      loading: { status: 400, message: "Failed to load model", shape: "text" },
    },
    body: (row) => {
      if (row.shape === "empty") return undefined;
      return row.shape === "text" ? { error: row.message } : { error: errorOf(row) };
    },
    // A stream is refused within HTTP 200, by an event that has a type (thane-ai-agent PR 1395, 2026-08).
    inStream: (row) => formatSseEvent({ error: { message: row.message }, message: row.message }, "error"),
    isDoneBehind: false,
  },
  historyReasoning: ["reasoning_content"],
  ignoredFields: [...selfHosted.ignoredFields, "parallel_tool_calls"],
  modelList: ({ cards }) => ({
    data: cards.map(({ id }) => ({ id, object: "model", owned_by: "organization_owner" })),
    object: "list",
  }),
  endpoints: ["embeddings"],
  infoRoutes: {
    "GET /api/v0/models": (context) =>
      Response.json({ data: context.cards.map((card) => nativeEntry(card, context)), object: "list" }),
  },
  // Every path is answered with 200.
  notFound: (method, path) => Response.json({ error: `Unexpected endpoint or method. (${method} ${path})` }),
};

function errorOf({ message, type, param, code }: ErrorRow): Fields {
  return { message, type: type ?? "invalid_request_error", param: param ?? null, code: code ?? null };
}

function nativeEntry(card: ModelCard, context: ModelListContext): Json {
  return {
    id: card.id,
    object: "model",
    type: card.vision ? "vlm" : "llm",
    publisher: "qwen",
    arch: "qwen35moe",
    compatibility_type: "gguf",
    quantization: "Q4_K_M",
    state: "loaded",
    max_context_length: 262_144,
    loaded_context_length: context.contextTokens(card),
    capabilities: ["tool_use"],
  };
}
