// Context windows and abilities where `/v1/models` does not tell them: the servers' own routes, read as far as they go.

import { isJsonObject, type JsonObject } from "../../../contract/json.ts";
import { mostModels } from "../../../contract/upstream.ts";
import type { LlamaProps, LmStudioModel, OllamaModelDetails } from "../../../wire/openai-compatible.ts";
import type { ModelRules } from "../dialect.ts";

export interface ModelDetails {
  readonly contextTokens?: number;
  readonly vision?: boolean;
  readonly thinking?: boolean;
  /** False: it does something else, such as embeddings. */
  readonly chats?: boolean;
}

/** Asks a route beside `/v1`; undefined when it is not there or says something else. Never rejects. */
export type AskJson = (
  path: string,
  body: JsonObject | undefined,
  signal: AbortSignal,
) => Promise<JsonObject | undefined>;

/** Of a list with hundreds of models only the first are asked about one by one. */
const maxAsked = 24;

/** Details by model id; those under "" hold for all. */
export async function fetchModelDetails(
  kind: ModelRules["details"],
  ids: readonly string[],
  ask: AskJson,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ModelDetails>> {
  switch (kind) {
    case "none":
      return new Map();
    case "llama-props":
      return readProps(await ask("/props", undefined, signal));
    case "lm-studio-list":
      return readLmStudioList(await ask("/api/v0/models", undefined, signal));
    case "ollama-show": {
      const asked = ids.slice(0, maxAsked);
      const answers = await Promise.all(asked.map((model) => ask("/api/show", { model }, signal)));
      return new Map(asked.map((id, index) => [id, readOllama(answers[index])]));
    }
    default:
      return kind satisfies never;
  }
}

// The three below read what somebody else wrote: every field may be missing or of another type.

function readProps(answer: JsonObject | undefined): ReadonlyMap<string, ModelDetails> {
  const props = (answer ?? {}) as LlamaProps;
  const context = positive(props.default_generation_settings?.n_ctx) ?? positive(props.n_ctx);
  const vision = props.modalities?.vision;
  return new Map([
    [
      "",
      {
        ...(context === undefined ? {} : { contextTokens: context }),
        ...(typeof vision === "boolean" ? { vision } : {}),
      },
    ],
  ]);
}

function readLmStudioList(answer: JsonObject | undefined): ReadonlyMap<string, ModelDetails> {
  const details = new Map<string, ModelDetails>();
  const list = Array.isArray(answer?.["data"]) ? (answer["data"] as readonly unknown[]) : [];
  for (const entry of list.slice(0, mostModels)) {
    if (!isJsonObject(entry)) continue;
    const model = entry as LmStudioModel;
    if (typeof model.id !== "string") continue;
    const context = positive(model.loaded_context_length) ?? positive(model.max_context_length);
    details.set(model.id, {
      vision: model.type === "vlm",
      chats: model.type !== "embeddings",
      ...(context === undefined ? {} : { contextTokens: context }),
    });
  }
  return details;
}

function readOllama(answer: JsonObject | undefined): ModelDetails {
  const { model_info: info, capabilities } = (answer ?? {}) as OllamaModelDetails;
  const key = isJsonObject(info) ? Object.keys(info).find((name) => name.endsWith(".context_length")) : undefined;
  const context = key === undefined ? undefined : positive(info?.[key]);
  const can = Array.isArray(capabilities) ? capabilities : undefined;
  return {
    ...(context === undefined ? {} : { contextTokens: context }),
    ...(can === undefined ? {} : abilitiesOf(can)),
  };
}

function abilitiesOf(can: readonly string[]): ModelDetails {
  return {
    vision: can.includes("vision"),
    thinking: can.includes("thinking"),
    chats: can.includes("completion") || !can.includes("embedding"),
  };
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
