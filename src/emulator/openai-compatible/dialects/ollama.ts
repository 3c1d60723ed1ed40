// Ollama's OpenAI layer (openai/openai.go and middleware/openai.go @fb30760, 2026-08-21).

import { isJsonObject, type Json } from "../../../contract/json.ts";
import { textMember } from "../../call.ts";
import { member } from "../../request-log.ts";
import type { ChunkForm, Fields, Frame, UsageCount } from "../chunk-form.ts";
import { needsKnownModel, needsMessages } from "../checks.ts";
import type { Dialect, ErrorRow, ModelListContext, Problem } from "../dialect.ts";
import type { ModelCard } from "../model-card.ts";
import type { ChatRequest } from "../read-request.ts";
import { localCard } from "./hosted-models.ts";
import { errorFrame, messageCalls, selfHosted } from "./self-hosted.ts";

const form: ChunkForm = {
  opening: undefined,
  gapAfterThoughts: "",
  callCut: "whole",
  hasEmptyLastPiece: false,
  finishRidesOnCalls: false,
  reasoning: (text, { ordinal }) => ({ ...roleAt(ordinal), content: "", reasoning: text }),
  content: (text, { ordinal }) => ({ ...roleAt(ordinal), content: text }),
  calls: (entries, { ordinal }) => ({ ...roleAt(ordinal), content: "", tool_calls: entries }),
  callEntry: ({ index, id, name, argumentsText }) => ({
    id,
    index,
    type: "function",
    function: { name, arguments: argumentsText },
  }),
  endDelta: () => ({}),
  chunk: (delta, frame, _place, reason) => ({
    ...envelope(frame, "chat.completion.chunk"),
    choices: [{ index: 0, delta, finish_reason: reason ?? null }],
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
          content,
          ...(reasoning === "" ? {} : { reasoning }),
          ...(calls.length === 0 ? {} : { tool_calls: messageCalls(calls).map((call, index) => ({ ...call, index })) }),
        },
        finish_reason: finishReason,
      },
    ],
    usage: usage(count),
  }),
};

/** Only on the first chunk. */
function roleAt(ordinal: number): Fields {
  return ordinal === 0 ? { role: "assistant" } : {};
}

function envelope(frame: Frame, object: string): Fields {
  return { id: frame.id, object, created: frame.nowSeconds(), model: frame.model, system_fingerprint: "fp_ollama" };
}

function usage({ promptTokens, completionTokens }: UsageCount): Fields {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

export const ollama: Dialect = {
  ...selfHosted,
  name: "ollama",
  variants: ["2026"],
  form: () => form,
  // What fits depends on the graphics memory; 32768 is the middle of its three defaults.
  cards: [
    localCard("qwen3.6:27b", { contextTokens: 32_768 }),
    localCard("qwen3-coder-next:latest", { contextTokens: 32_768, thinking: "never", vision: false }),
  ],
  servesAnyName: false,
  // PR 14420 is open.
  keepAlive: { text: ":\n\n", everyMs: undefined },
  thinks: (request) => request.card?.thinking !== "never" && effortOf(request) !== "none",
  toolChoice: "ignored",
  argumentStyle: "compact",
  newCallId: (hex) => `call_${hex.slice(0, 8)}`,
  newReplyId: (hex) => `chatcmpl-${Number.parseInt(hex.slice(0, 6), 16) % 1000}`,
  checks: [
    needsMessages("[] is too short - 'messages'"),
    needsKnownModel,
    checkContents,
    checkImages,
    checkEffort,
    checkTools,
  ],
  errors: {
    rows: {
      "invalid-parameter": { status: 400, message: "invalid request" },
      "model-not-found": {
        status: 404,
        type: "not_found_error",
        message: 'model "{model}" not found, try pulling it first',
      },
      "internal-error": {
        status: 500,
        type: "api_error",
        message: "llama runner process has terminated: exit status 2",
      },
      unavailable: {
        status: 503,
        type: "api_error",
        message: "server busy, please try again.  maximum pending requests exceeded",
      },
      "no-tools": { status: 400, message: "registry.ollama.ai/library/{model} does not support tools" },
      "no-thinking": { status: 400, message: '"{model}" does not support thinking' },
    },
    body: (row) => (row.shape === "empty" ? undefined : { error: errorOf(row) }),
    inStream: (row) => errorFrame(errorOf(row)),
    isDoneBehind: false,
  },
  historyReasoning: ["reasoning"],
  ignoredFields: [
    ...selfHosted.ignoredFields,
    "chat_template_kwargs",
    "tool_choice",
    "parallel_tool_calls",
    "n",
    "logit_bias",
    "user",
  ],
  truncatesSilently: true,
  modelList: ({ cards, nowSeconds }) => ({
    object: "list",
    data: cards.map(({ id }) => ({ id, object: "model", created: nowSeconds, owned_by: "library" })),
  }),
  endpoints: ["embeddings", "images"],
  infoRoutes: {
    "GET /": () => new Response("Ollama is running"),
    "GET /api/version": () => Response.json({ version: "0.17.4" }),
    "GET /api/tags": (context) => Response.json({ models: context.cards.map((card) => tagOf(card, context)) }),
    "POST /api/show": showModel,
  },
  notFound: () => new Response("404 page not found", { status: 404, headers: { "content-type": "text/plain" } }),
};

function errorOf({ message, type, param, code }: ErrorRow): Fields {
  return { message, type: type ?? "invalid_request_error", param: param ?? null, code: code ?? null };
}

function effortOf({ body }: ChatRequest): unknown {
  return member(body["reasoning"], "effort") ?? body["reasoning_effort"];
}

/** `content: null` is taken only beside tool calls. */
function checkContents({ messages }: ChatRequest): Problem | undefined {
  const isMissing = messages.some(
    ({ content, calls, role }) => (content === null || content === undefined) && calls.length === 0 && role !== "",
  );
  return isMissing ? { name: "invalid-parameter", message: "invalid message content type: <nil>" } : undefined;
}

/** Addresses elsewhere are not fetched. */
function checkImages({ messages }: ChatRequest): Problem | undefined {
  const isRemote = messages.some(({ images }) => images.some((url) => !url.startsWith("data:")));
  return isRemote ? { name: "invalid-parameter", message: "invalid image input" } : undefined;
}

const efforts = ["high", "medium", "low", "max", "none", "minimal", "xhigh", "ultra"];

function checkEffort(request: ChatRequest): Problem | undefined {
  const effort = effortOf(request);
  if (effort === undefined || effort === null) return undefined;
  if (!efforts.includes(String(effort))) {
    const message = `invalid reasoning value: '${String(effort)}' (must be "high", "medium", "low", "max", or "none")`;
    return { name: "invalid-parameter", message };
  }
  return request.card?.thinking === "never" && effort !== "none" ? { name: "no-thinking" } : undefined;
}

function checkTools({ tools, card }: ChatRequest): Problem | undefined {
  if (tools.length === 0) return undefined;
  if (card?.tools === false) return { name: "no-tools" };
  // qwen-code 0.24.4 sends an empty object instead.
  const isBare = tools.some(({ parameters }) => parameters === undefined);
  return isBare ? { name: "invalid-parameter", message: "invalid tool: parameters are required" } : undefined;
}

function tagOf({ id }: ModelCard, { nowSeconds }: ModelListContext): Json {
  return {
    name: id,
    model: id,
    modified_at: new Date(nowSeconds * 1000).toISOString(),
    size: 17_000_000_000,
    digest: "0123456789abcdef".repeat(4),
    details: detailsOf(),
  };
}

function detailsOf(): Json {
  return {
    parent_model: "",
    format: "gguf",
    family: "qwen35",
    families: ["qwen35"],
    parameter_size: "27B",
    quantization_level: "Q4_K_M",
  };
}

function showModel({ cards, body, nowSeconds }: ModelListContext & { readonly body: unknown }): Response {
  const name = textMember(body, "model") ?? textMember(body, "name");
  const card = cards.find(({ id }) => id === name || id === `${name}:latest`);
  if (card === undefined || !isJsonObject(body)) {
    return Response.json({ error: `model '${name ?? ""}' not found` }, { status: 404 });
  }
  const capabilities = [
    "completion",
    card.tools && "tools",
    card.vision && "vision",
    card.thinking !== "never" && "thinking",
  ];
  return Response.json({
    modelfile: `FROM ${card.id}`,
    // The window that it was made for, not the one that the server gives it.
    model_info: { "general.architecture": "qwen35", "qwen35.context_length": 262_144 },
    details: detailsOf(),
    capabilities: capabilities.filter((capability) => capability !== false),
    modified_at: new Date(nowSeconds * 1000).toISOString(),
  });
}
