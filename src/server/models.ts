// GET /v1/models: one object that OpenAI's and Anthropic's packages both can read.

import type { Access } from "../contract/access.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { Json } from "../contract/json.ts";
import type { ModelInfo } from "../contract/upstream.ts";
import { pathRest, type ServerRoute } from "./trip.ts";

/** Only what the caller may use. */
type ListModels = (signal: AbortSignal, access: Access | undefined) => Promise<readonly ModelInfo[]>;

/** Ids hold slashes and colons, so a model is whatever follows the prefix. */
const modelPrefix = "/v1/models/";

export function modelRoutes(listModels: ListModels): ServerRoute[] {
  return [
    {
      method: "GET",
      path: "/v1/models",
      answer: async (trip) => Response.json(encodeModelList(await listModels(trip.request.signal, trip.access))),
    },
    {
      method: "GET",
      path: `${modelPrefix}*`,
      answer: async (trip) => {
        const id = pathRest(trip, modelPrefix);
        const models = await listModels(trip.request.signal, trip.access);
        const model = models.find((candidate) => candidate.id === id);
        if (model === undefined) {
          throw new GatewayError("model-not-found", "Cannot find this model: GET /v1/models lists the known ones");
        }
        return Response.json(encodeModel(model));
      },
    },
  ];
}

function encodeModelList(models: readonly ModelInfo[]): Json {
  return {
    object: "list",
    data: models.map(encodeModel),
    has_more: false,
    first_id: models.at(0)?.id ?? null,
    last_id: models.at(-1)?.id ?? null,
  };
}

function encodeModel(model: ModelInfo): Json {
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
