// GET /v1/models: one object that OpenAI's and Anthropic's packages both can read, in pages for who asks for them.

import { GatewayError } from "../contract/gateway-error.ts";
import type { Json } from "../contract/json.ts";
import type { ModelInfo } from "../contract/upstream.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { type LimitRange, parseLimit } from "./body/parse-limit.ts";
import { pathRest, queryOf, type ServerRoute, type Trip } from "./trip.ts";

/** Ids hold slashes and colons, so a model is whatever follows the prefix. */
const modelPrefix = "/v1/models/";

export function modelRoutes(gateway: Pick<Gateway, "listModels" | "findModel">): ServerRoute[] {
  return [
    {
      method: "GET",
      path: "/v1/models",
      async answer(trip) {
        const { request, access } = trip;
        const page = parsePage(queryOf(request));
        const models = await gateway.listModels(request.signal, access);
        return Response.json(encodeModelList(models, page, encoderFor(trip)));
      },
    },
    {
      method: "GET",
      path: `${modelPrefix}*`,
      answer: async (trip) => {
        const id = pathRest(trip, modelPrefix);
        const model = id === undefined ? undefined : await gateway.findModel(id, trip.request.signal, trip.access);
        if (model === undefined) {
          throw new GatewayError("model-not-found", "Cannot find this model: GET /v1/models lists the known ones");
        }
        return Response.json(encoderFor(trip)(model));
      },
    },
  ];
}

/** As Anthropic has it: what stands behind one model, or before one. OpenAI knows no pages. */
interface Page {
  readonly limit: number | undefined;
  readonly afterId: string | undefined;
  readonly beforeId: string | undefined;
}

const listRange: LimitRange = { usual: 1000, most: 1000 };

/** @throws {GatewayError} `invalid-request` */
function parsePage(query: URLSearchParams): Page {
  const limit = query.has("limit") ? parseLimit(query.get("limit"), "models", listRange) : undefined;
  const [afterId, beforeId] = [query.get("after_id") ?? undefined, query.get("before_id") ?? undefined];
  if (afterId !== undefined && beforeId !== undefined)
    throw wrong("before_id", "after_id and before_id cannot be used together");
  return { limit, afterId, beforeId };
}

function wrong(param: string, reason: string): GatewayError {
  return new GatewayError("invalid-request", `Cannot list models: ${reason}`, { param });
}

function encoderFor({ request }: Trip): (model: ModelInfo) => Json {
  return request.headers.has("anthropic-version") ? encodeAnthropicModel : encodeModel;
}

/** @throws {GatewayError} `invalid-request` when the page begins at a model that does not exist */
function encodeModelList(
  models: readonly ModelInfo[],
  { limit = models.length, afterId, beforeId }: Page,
  encode: (model: ModelInfo) => Json,
): Json {
  const end = beforeId === undefined ? models.length : placeOf(models, "before_id", beforeId);
  const start = afterId === undefined ? 0 : placeOf(models, "after_id", afterId) + 1;
  const candidates = models.slice(start, end);
  const page = beforeId === undefined ? candidates.slice(0, limit) : candidates.slice(-limit);
  return {
    object: "list",
    data: page.map(encode),
    has_more: page.length < candidates.length,
    first_id: page.at(0)?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

function placeOf(models: readonly ModelInfo[], param: string, id: string): number {
  const place = models.findIndex((model) => model.id === id);
  if (place < 0) throw wrong(param, `${param} names no model that is listed`);
  return place;
}

function encodeModel(model: ModelInfo) {
  // Both protocols want a time; the epoch is Anthropic's documented word for an unknown one.
  const createdAtSeconds = model.createdAtSeconds ?? 0;
  return {
    id: model.id,
    object: "model",
    created: createdAtSeconds,
    owned_by: model.ownedBy,
    type: "model",
    display_name: model.displayName,
    created_at: new Date(createdAtSeconds * 1000).toISOString(),
    context_length: model.contextTokens ?? null,
    max_output_tokens: model.maxOutputTokens ?? null,
    max_input_tokens: model.contextTokens ?? null,
    max_tokens: model.maxOutputTokens ?? null,
    vision: model.vision,
    thinking: model.thinking,
  };
}

/** For Anthropic's clients alone: in lists of OpenAI's kind, some servers have other `capabilities`, and clients that read those. */
function encodeAnthropicModel(model: ModelInfo): Json {
  return {
    ...encodeModel(model),
    capabilities: encodeCapabilities(model),
    lifecycle: "active",
    line: null,
    deprecated_at: null,
    retires_at: null,
  };
}

const efforts = ["low", "medium", "high", "xhigh", "max"];

/**
 * What requests of Anthropic's may ask of a model, as far as it is known of one.
 * @see https://docs.anthropic.com/en/api/models (as of 2026-11)
 */
function encodeCapabilities({ vision, thinking }: ModelInfo): Json {
  return {
    batch: support(false),
    citations: support(false),
    code_execution: support(false),
    context_management: {
      ...support(false),
      clear_thinking_20251015: null,
      clear_tool_uses_20250919: null,
      compact_20260112: null,
    },
    effort: { ...support(thinking), ...Object.fromEntries(efforts.map((effort) => [effort, support(thinking)])) },
    image_input: support(vision),
    // Read by Qwen, or here.
    pdf_input: support(true),
    // Whether an upstream searches is not known of its models.
    server_tools: { ...support(false), code_execution: support(false), web_search: support(false) },
    structured_outputs: support(true),
    thinking: {
      ...support(thinking),
      types: {
        adaptive: support(thinking),
        between_tools: support(false),
        // Never refused, also where a model thinks all the same.
        disabled: support(true),
        enabled: support(thinking),
      },
    },
  };
}

function support(supported: boolean): { readonly supported: boolean } {
  return { supported };
}
