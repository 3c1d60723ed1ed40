// vLLM (serving.py @006c49d, 2026-08, and its pull requests): "0.16" and later say `reasoning`, "0.12" to 0.15 both
// names, "0.11" and earlier `reasoning_content`. Started with --reasoning-parser qwen3 and --enable-auto-tool-choice.

import type { Json } from "../../../contract/json.ts";
import {
  namedToolExists,
  needsKnownModel,
  needsMessages,
  rendersTemplate,
  streamOptionsNeedStream,
  toolChoiceNeedsTools,
  tooLong,
} from "../checks.ts";
import type { Dialect, ErrorRow, ModelListContext, Problem } from "../dialect.ts";
import type { Fields } from "../chunk-form.ts";
import { localCard } from "./hosted-models.ts";
import { errorFrame, selfHosted } from "./self-hosted.ts";
import { vllmForm } from "./vllm-form.ts";

const bad = "BadRequestError";

export const vllm: Dialect = {
  ...selfHosted,
  name: "vllm",
  variants: ["0.16", "0.12", "0.11"],
  form: vllmForm,
  cards: [localCard("Qwen/Qwen3.6-27B")],
  servesAnyName: false,
  // --sse-keep-alive-interval, off by default (PR 51034, 2026-08).
  keepAlive: { text: ": keep-alive\n\n", everyMs: undefined },
  // The named choice is told as a plain stop.
  namedFinish: "stop",
  argumentStyle: "python",
  newCallId: (hex) => `chatcmpl-tool-${hex.slice(0, 16)}`,
  newReplyId: (hex) => `chatcmpl-${hex.slice(0, 16)}`,
  checks: [
    needsMessages("[] is too short - 'messages'"),
    needsKnownModel,
    streamOptionsNeedStream("Stream options can only be defined when `stream=True`."),
    toolChoiceNeedsTools("When using `tool_choice`, `tools` must be set."),
    namedToolExists("The tool specified in `tool_choice` does not match any of the specified `tools`"),
    ({ card, messages }) =>
      card?.vision === false && messages.some(({ images }) => images.length > 0)
        ? { name: "invalid-parameter", message: `${card.id} is not a multimodal model` }
        : undefined,
    rendersTemplate((message) => ({ name: "invalid-parameter", message })),
    ({ promptTokens, maxTokens }, { contextTokens, variant }) =>
      promptTokens + (maxTokens ?? 1) > contextTokens
        ? withoutRoom(promptTokens, maxTokens ?? 1, contextTokens, variant)
        : undefined,
  ],
  errors: {
    rows: {
      "invalid-parameter": { status: 400, type: bad, code: 400, message: "Bad request" },
      "context-too-long": {
        status: 400,
        type: bad,
        code: 400,
        param: "input_tokens",
        message: roomText("{tokens}", "1", "{limit}"),
      },
      "model-not-found": {
        status: 404,
        type: "NotFoundError",
        code: 404,
        param: "model",
        message: "The model `{model}` does not exist.",
      },
      "invalid-key": { status: 401, message: "Unauthorized", shape: "text" },
      "no-tools": {
        status: 400,
        type: bad,
        code: 400,
        message: '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
      },
      "internal-error": {
        status: 500,
        type: "InternalServerError",
        code: 500,
        message: "EngineCore encountered an issue. See stack trace (above) for the root cause.",
      },
      unavailable: { status: 503, type: "ServiceUnavailableError", code: 503, message: "Service is overloaded" },
    },
    body: vllmErrorBody,
    inStream: (row) => errorFrame(errorOf(row)),
    isDoneBehind: true,
  },
  historyReasoning: ["reasoning"],
  modelList: vllmModelList,
  endpoints: ["embeddings", "rerank", "transcriptions"],
  infoRoutes: {
    "GET /health": () => new Response(null, { status: 200 }),
    "GET /version": () => Response.json({ version: "0.16.2" }),
  },
  notFound: () => Response.json({ detail: "Not Found" }, { status: 404 }),
};

function errorOf({ message, type, param, code, status }: ErrorRow): Fields {
  return { message, type: type ?? bad, param: param ?? null, code: code ?? status };
}

/** Older versions have no envelope (harbor PR 996). */
function vllmErrorBody(row: ErrorRow, _requestId: string, variant: string): Json | undefined {
  if (row.shape === "empty") return undefined;
  if (row.shape === "text") return { error: row.message };
  return variant === "0.11" ? { object: "error", ...errorOf(row) } : { error: errorOf(row) };
}

function withoutRoom(promptTokens: number, maxTokens: number, limit: number, variant: string): Problem {
  const texts = [String(promptTokens), String(maxTokens), String(limit)] as const;
  const message = variant === "0.11" ? oldRoomText(promptTokens, maxTokens, limit) : roomText(...texts);
  return { ...tooLong(promptTokens, limit), message };
}

function roomText(prompt: string, output: string, limit: string): string {
  const most = Number(limit) - Number(output);
  const room = Number.isNaN(most) ? "" : `, resulting in a maximum input length of ${most} tokens`;
  return `You passed ${prompt} input tokens and requested ${output} output tokens. However, the model's context length is only ${limit} tokens${room}. Please reduce the length of the input prompt. (parameter=input_tokens, value=${prompt})`;
}

function oldRoomText(prompt: number, output: number, limit: number): string {
  return `This model's maximum context length is ${limit} tokens. However, you requested ${prompt + output} tokens (${prompt} in the messages, ${output} in the completion). Please reduce the length of the messages or completion.`;
}

function vllmModelList({ cards, nowSeconds, contextTokens }: ModelListContext): Json {
  return {
    object: "list",
    data: cards.map((card) => ({
      id: card.id,
      object: "model",
      created: nowSeconds,
      owned_by: "vllm",
      root: card.id,
      parent: null,
      max_model_len: contextTokens(card),
      permission: [
        {
          id: "modelperm-0123456789abcdef",
          object: "model_permission",
          created: nowSeconds,
          allow_create_engine: false,
          allow_sampling: true,
          allow_logprobs: true,
          allow_search_indices: false,
          allow_view: true,
          allow_fine_tuning: false,
          organization: "*",
          group: null,
          is_blocking: false,
        },
      ],
    })),
  };
}
