// SGLang (serving_chat.py @002897c, 2026-08). "old" answers HTTP 200 with a single error frame where newer versions
// draw the first chunk before they send the head, and refuse with 400 (sglang#12081).

import type { Json } from "../../../contract/json.ts";
import type { ChunkForm, Fields, Frame } from "../chunk-form.ts";
import { needsMessages, rendersTemplate, tooLong } from "../checks.ts";
import type { Dialect, ErrorRow, ModelListContext, RequestCheck } from "../dialect.ts";
import { localCard } from "./hosted-models.ts";
import { countTotal, errorFrame, messageCalls, selfHosted } from "./self-hosted.ts";

/** Every key of a delta is there. */
const idle: Fields = { role: null, content: null, reasoning_content: null, tool_calls: null };

const form: ChunkForm = {
  opening: () => ({ ...idle, role: "assistant", content: "" }),
  gapAfterThoughts: "",
  callCut: "behind-head",
  hasEmptyLastPiece: false,
  finishRidesOnCalls: false,
  reasoning: (text) => ({ ...idle, reasoning_content: text }),
  content: (text) => ({ ...idle, content: text }),
  calls: (entries) => ({ ...idle, tool_calls: entries }),
  callEntry: ({ index, id, name, argumentsText, isFirst }) => ({
    id: isFirst ? id : null,
    index,
    type: "function",
    function: { name: isFirst ? name : null, arguments: argumentsText },
  }),
  endDelta: () => idle,
  chunk: (delta, frame, _place, reason) => ({
    ...envelope(frame),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason ?? null, matched_stop: null }],
    usage: null,
  }),
  usage: (count) => ({ ...countTotal(count), prompt_tokens_details: null, reasoning_tokens: count.reasoningTokens }),
  usageChunk: (usage, frame) => ({ ...envelope(frame), choices: [], usage }),
  whole: ({ content, reasoning, calls, finishReason, usage }, frame) => ({
    ...envelope(frame),
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: content === "" && calls.length > 0 ? null : content,
          reasoning_content: reasoning === "" ? null : reasoning,
          tool_calls: calls.length === 0 ? null : messageCalls(calls),
        },
        logprobs: null,
        finish_reason: finishReason,
        matched_stop: null,
      },
    ],
    usage: form.usage(usage, frame),
    metadata: { weight_version: "default" },
  }),
};

/** `created` is taken anew for every chunk. */
function envelope(frame: Frame): Fields {
  return { id: frame.id, object: "chat.completion.chunk", created: frame.nowSeconds(), model: frame.model };
}

export const sglang: Dialect = {
  ...selfHosted,
  name: "sglang",
  variants: ["current", "old"],
  form: () => form,
  cards: [localCard("Qwen/Qwen3.6-27B")],
  // What is loaded answers, whatever the request calls it.
  servesAnyName: true,
  keepAlive: { text: ":\n\n", everyMs: undefined },
  argumentStyle: "python",
  newCallId: (hex) => `call_${hex.slice(0, 24)}`,
  newReplyId: (hex) => hex,
  checks: (
    [
      needsMessages("Messages cannot be empty."),
      ({ tools, toolChoice }) =>
        toolChoice === "required" && tools.length === 0
          ? { name: "invalid-parameter", message: "Tools cannot be empty if tool choice is set to required." }
          : undefined,
      rendersTemplate((message) => ({ name: "invalid-parameter", message })),
      ({ promptTokens }, { contextTokens }) =>
        promptTokens >= contextTokens ? tooLong(promptTokens, contextTokens) : undefined,
    ] satisfies RequestCheck[]
  ).map(toldAsItsVersionDoes),
  errors: {
    rows: {
      "invalid-parameter": { status: 400, message: "Bad request" },
      "context-too-long": {
        status: 400,
        message: "The input ({tokens} tokens) is longer than the model's context length ({limit} tokens).",
      },
      "invalid-key": { status: 401, message: "Unauthorized", shape: "text" },
      "internal-error": { status: 500, type: "InternalServerError", message: "Internal server error" },
      unavailable: {
        status: 503,
        type: "ServiceUnavailable",
        message: "The request queue is full.",
      },
    },
    body: (row) => {
      if (row.shape === "empty") return undefined;
      return row.shape === "text" ? { error: row.message } : flat(row);
    },
    inStream: (row) => errorFrame(flat(row)),
    isDoneBehind: true,
  },
  historyReasoning: ["reasoning_content"],
  modelList: sglangModelList,
  endpoints: ["embeddings", "rerank"],
  infoRoutes: {
    "GET /health": () => new Response(null, { status: 200 }),
    "GET /get_model_info": ({ cards }) => Response.json({ model_path: cards[0]?.id, is_generation: true }),
  },
  notFound: () => Response.json({ detail: "Not Found" }, { status: 404 }),
};

function toldAsItsVersionDoes(check: RequestCheck): RequestCheck {
  return (request, context) => {
    const problem = check(request, context);
    return problem === undefined ? undefined : { ...problem, isInStream: context.variant === "old" };
  };
}

function flat({ message, type, param, code, status }: ErrorRow): Fields {
  return { object: "error", message, type: type ?? "BadRequestError", param: param ?? null, code: code ?? status };
}

function sglangModelList({ cards, nowSeconds, contextTokens }: ModelListContext): Json {
  return {
    object: "list",
    data: cards.map((card) => ({
      id: card.id,
      object: "model",
      created: nowSeconds,
      owned_by: "sglang",
      root: card.id,
      parent: null,
      max_model_len: contextTokens(card),
    })),
  };
}
