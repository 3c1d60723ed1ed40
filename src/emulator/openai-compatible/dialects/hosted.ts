// What DashScope, its plans and ModelScope have in common: their checks, their switches, their lists.
// Sentences are those of the error-code page (2026-10), completed by what clients were told in 2025 and 2026.

import { isJsonObject, type Json } from "../../../contract/json.ts";
import {
  needsKnownModel,
  needsMessages,
  needsRoom,
  needsToolOrder,
  promptText,
  responseFormatType,
} from "../checks.ts";
import type { Dialect, ModelListContext, Problem, RequestCheck } from "../dialect.ts";
import type { ChatRequest } from "../read-request.ts";
import { algorithmPrefix, dashscopeErrors } from "./dashscope-errors.ts";
import { dashscopeForm } from "./dashscope-form.ts";

export const hosted: Omit<Dialect, "name" | "cards" | "wrongKey" | "checks"> = {
  variants: ["2026", "2025", "empty-names"],
  form: dashscopeForm,
  quirks: () => [],
  servesAnyName: false,
  needsKey: true,
  // None is documented, none was seen.
  keepAlive: { text: ":\n\n", everyMs: undefined },
  thinks: thinksHere,
  callsInParallel: false,
  toolChoice: "obeyed",
  namedFinish: "stop",
  argumentStyle: "python",
  newCallId: (hex) => `call_${hex.slice(0, 22)}`,
  newReplyId: (hex) =>
    `chatcmpl-${hex.slice(0, 8)}-${hex.slice(8, 12)}-9${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
  errors: dashscopeErrors,
  historyReasoning: ["reasoning_content"],
  ignoredFields: [
    "chat_template_kwargs",
    "store",
    "service_tier",
    "prompt_cache_key",
    "verbosity",
    "safety_identifier",
  ],
  truncatesSilently: false,
  losesForeignParts: true,
  // None is documented (?).
  rateHeaders: "none",
  modelList: hostedModelList,
  endpoints: ["embeddings", "rerank"],
  infoRoutes: {},
  // Wrong paths are answered without a body (coding-plan-faq).
  notFound: () => new Response(null, { status: 404 }),
};

function thinksHere({ body, card }: ChatRequest): boolean {
  if (card?.thinking === "never") return false;
  if (card?.thinking === "always") return true;
  if (typeof body["enable_thinking"] === "boolean") return body["enable_thinking"];
  if (body["reasoning_effort"] === "none") return false;
  return card?.thinking === "on" || typeof body["reasoning_effort"] === "string";
}

export const hostedChecks: readonly RequestCheck[] = [
  needsMessages("[] is too short - 'messages'"),
  needsKnownModel,
  needsToolOrder(algorithmPrefix),
  checkStream,
  checkBudget,
  checkEffort,
  checkToolChoice,
  checkSearch,
  checkJson,
  checkMaxTokens,
  checkMetadata,
  needsRoom,
];

function checkStream(request: ChatRequest): Problem | undefined {
  const { card, isStream } = request;
  if (isStream || card === undefined) return undefined;
  if (card.streamOnly) {
    return wrong(
      "This model only support stream mode, please enable the stream parameter to access the model.",
      "stream",
    );
  }
  if (card.thinksInStreamsOnly && thinksHere(request)) {
    return wrong("parameter.enable_thinking must be set to false for non-streaming calls", "enable_thinking");
  }
  return undefined;
}

function checkBudget({ body, card }: ChatRequest): Problem | undefined {
  const budget = body["thinking_budget"];
  const most = Math.max(card?.maxOutputTokens ?? 0, 38_912);
  if (budget === undefined || (Number.isInteger(budget) && Number(budget) > 0 && Number(budget) <= most))
    return undefined;
  return wrong(`The thinking_budget parameter must be a positive integer and not greater than ${most}`);
}

function checkEffort({ body, card }: ChatRequest): Problem | undefined {
  const effort = body["reasoning_effort"];
  if (effort === undefined || effort === null) return undefined;
  if (body["thinking_budget"] !== undefined) {
    return wrong("reasoning_effort and thinking_budget cannot be set at the same time");
  }
  // Older models pass it over (apiyi notes, 2026).
  if (card === undefined || !/^qwen3\.8/.test(card.id)) return undefined;
  if (["low", "medium", "xhigh", "none"].includes(String(effort))) return undefined;
  return wrong(`reasoning_effort must be one of low, medium, xhigh`, "reasoning_effort");
}

/** cloudwego/eino#994 (2026-04), QwenLM/qwen-code#7659 (2026-07). */
function checkToolChoice(request: ChatRequest): Problem | undefined {
  const isForced = request.toolChoice !== "auto" && request.toolChoice !== "none";
  if (!isForced || !thinksHere(request)) return undefined;
  return wrong("The tool_choice parameter does not support being set to required or object in thinking mode");
}

function checkSearch({ body, card }: ChatRequest): Problem | undefined {
  if (body["enable_search"] !== true || card?.search !== false) return undefined;
  return wrong("This model does not support enable_search");
}

function checkJson(request: ChatRequest): Problem | undefined {
  if (responseFormatType(request) !== "json_object" || promptText(request).includes("json")) return undefined;
  return wrong("'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.");
}

function checkMaxTokens({ maxTokens, card }: ChatRequest): Problem | undefined {
  if (maxTokens === undefined || card === undefined || (maxTokens >= 1 && maxTokens <= card.maxOutputTokens)) {
    return undefined;
  }
  return wrong(`Range of max_tokens should be [1, ${card.maxOutputTokens}]`);
}

/** Other makers' models take texts only (qwen-code 0.24.4). */
function checkMetadata({ body, card }: ChatRequest): Problem | undefined {
  return card?.isForeign === true && isJsonObject(body["metadata"])
    ? wrong("metadata is not supported by this model")
    : undefined;
}

function wrong(sentence: string, param?: string): Problem {
  // What the gate in front of the models says comes without the prefix, what the models say with it (ragflow#8972, eino#994).
  const isOfTheGate = param !== undefined;
  return { name: "invalid-parameter", message: isOfTheGate ? sentence : `${algorithmPrefix}${sentence}` };
}

/** The success body was never captured (?): OpenAI's list. */
function hostedModelList({ cards, nowSeconds }: ModelListContext): Json {
  return {
    object: "list",
    data: cards.map(({ id }) => ({ id, object: "model", created: nowSeconds, owned_by: "system" })),
  };
}
