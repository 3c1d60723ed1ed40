// A server that keeps to OpenAI's documents. "strict" refuses fields that it does not know, as several services do.

import { commonRows, openAiError } from "../error-rows.ts";
import type { ChunkForm, Fields, Frame, UsageCount } from "../chunk-form.ts";
import { needsKnownModel, needsMessages, needsRoom, needsToolOrder } from "../checks.ts";
import type { Dialect, Problem } from "../dialect.ts";
import type { ChatRequest } from "../read-request.ts";
import { localCard } from "./hosted-models.ts";
import { errorFrame, messageCalls, selfHosted } from "./self-hosted.ts";

const form: ChunkForm = {
  opening: () => ({ role: "assistant", content: "", refusal: null }),
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
    ...envelope(frame, "chat.completion.chunk"),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason ?? null }],
  }),
  usage,
  usageChunk: (count, frame) => ({ ...envelope(frame, "chat.completion.chunk"), choices: [], usage: count }),
  whole: ({ content, reasoning, calls, finishReason, usage: count }, frame) => ({
    ...envelope(frame, "chat.completion"),
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: content === "" && calls.length > 0 ? null : content,
          refusal: null,
          ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
          ...(calls.length === 0 ? {} : { tool_calls: messageCalls(calls) }),
        },
        logprobs: null,
        finish_reason: finishReason,
      },
    ],
    usage: usage(count),
  }),
};

function envelope(frame: Frame, object: string): Fields {
  return { id: frame.id, object, created: frame.nowSeconds(), model: frame.model, system_fingerprint: "fp_emulator" };
}

function usage(count: UsageCount): Fields {
  return {
    prompt_tokens: count.promptTokens,
    completion_tokens: count.completionTokens,
    total_tokens: count.promptTokens + count.completionTokens,
    prompt_tokens_details: { cached_tokens: count.cachedTokens },
    completion_tokens_details: { reasoning_tokens: count.reasoningTokens },
  };
}

/** @see https://platform.openai.com/docs/api-reference/chat/create */
const knownFields = new Set(
  "messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity web_search_options".split(
    " ",
  ),
);

export const generic: Dialect = {
  ...selfHosted,
  name: "generic",
  variants: ["plain", "strict"],
  form: () => form,
  cards: [localCard("qwen3.6-27b", { thinking: "off" }), localCard("qwen3-coder-next", { thinking: "never" })],
  servesAnyName: false,
  keepAlive: { text: ": ping\n\n", everyMs: undefined },
  thinks: ({ body, card }) =>
    card?.thinking !== "never" && typeof body["reasoning_effort"] === "string" && body["reasoning_effort"] !== "none",
  namedFinish: "stop",
  argumentStyle: "compact",
  newCallId: (hex) => `call_${hex.slice(0, 24)}`,
  newReplyId: (hex) => `chatcmpl-${hex.slice(0, 29)}`,
  checks: [
    checkFields,
    needsMessages(
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    ),
    needsKnownModel,
    needsToolOrder(""),
    needsRoom,
  ],
  errors: {
    rows: commonRows,
    body: (row) => (row.shape === "empty" ? undefined : { error: { ...openAiError(row) } }),
    inStream: (row) => errorFrame({ ...openAiError(row) }),
    isDoneBehind: false,
  },
  historyReasoning: ["reasoning_content"],
  rateHeaders: "openai",
  modelList: ({ cards, nowSeconds }) => ({
    object: "list",
    data: cards.map(({ id }) => ({ id, object: "model", created: nowSeconds, owned_by: "qwen" })),
  }),
  endpoints: ["embeddings", "rerank", "images", "transcriptions", "speech"],
  notFound: (method, path) =>
    Response.json(
      { error: { message: `Invalid URL (${method} ${path})`, type: "invalid_request_error", param: null, code: null } },
      { status: 404 },
    ),
};

function checkFields({ body }: ChatRequest, { variant }: { readonly variant: string }): Problem | undefined {
  const unknown = variant === "strict" ? Object.keys(body).find((field) => !knownFields.has(field)) : undefined;
  if (unknown === undefined) return undefined;
  return { name: "invalid-parameter", message: `Unrecognized request argument supplied: ${unknown}`, param: unknown };
}
