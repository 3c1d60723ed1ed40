// The models that an account is offered: fetched, kept for a while, and looked up by the names that users write.

import { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject } from "../../contract/json.ts";
import { type ModelInfo, mostModels } from "../../contract/upstream.ts";
import { orAborted } from "../../outbound/or-aborted.ts";
import type { Log } from "../../telemetry/log.ts";
import type { QwenModel } from "../../wire/qwen-web.ts";
import { upstreamName } from "./errors.ts";
import { type Mode, splitSuffix } from "./model-mode.ts";

export interface ModelListOptions {
  /** Fetches the raw list. */
  readonly fetchList: (signal: AbortSignal) => Promise<readonly unknown[]>;
  readonly defaultModel: string;
  readonly clock: () => number;
  readonly log: Log;
}

export interface ResolvedModel {
  /** The id to send upstream. */
  readonly id: string;
  readonly mode: Partial<Mode>;
}

export interface ModelList {
  list(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /**
   * @param requested as the client wrote it; undefined asks for the default
   * @throws {GatewayError} `model-not-found`
   */
  resolve(requested: string | undefined, signal: AbortSignal): Promise<ResolvedModel>;
  /** The same without a promise. Undefined when the name is not in the list that is kept, or there is none. */
  resolveAtOnce(requested: string | undefined): ResolvedModel | undefined;
}

const lifetimeMs = 10 * 60_000;
/** After a failure the built-in list serves for this long before the backend is asked again. */
const retryMs = 30_000;
const fetchTimeoutMs = 5000;

interface CachedList {
  readonly models: readonly ModelInfo[];
  /** By their ids and names, in lower case; the first in the list counts. */
  readonly byName: ReadonlyMap<string, ModelInfo>;
  /** Told by the backend: a name that is not in it does not exist. */
  readonly isAuthoritative: boolean;
  readonly expiresAtMs: number;
}

export function createModelList(options: ModelListOptions): ModelList {
  let cached: CachedList | undefined;
  let running: Promise<CachedList> | undefined;
  let hasWarnedAboutDefault = false;

  async function load(): Promise<CachedList> {
    try {
      const raw = await options.fetchList(AbortSignal.timeout(fetchTimeoutMs));
      const models = raw
        .slice(0, mostModels)
        .map(parseModel)
        .filter((model) => model !== undefined);
      if (models.length === 0) throw new GatewayError("upstream-failed", "Qwen's model list is empty");
      return { models, byName: nameModels(models), isAuthoritative: true, expiresAtMs: options.clock() + lifetimeMs };
    } catch (error) {
      options.log.warn("Cannot fetch Qwen's model list: a known one serves instead", {
        reason: error instanceof Error ? error.message : "unknown",
      });
      // A list that was fetched once is better than the built-in one.
      const known = cached?.isAuthoritative ? cached.models : builtInModels;
      return {
        models: known,
        byName: nameModels(known),
        isAuthoritative: false,
        expiresAtMs: options.clock() + retryMs,
      };
    }
  }

  /** One fetch serves everybody who waits; a caller that leaves does not end it. */
  async function current(): Promise<CachedList> {
    if (cached !== undefined && cached.expiresAtMs > options.clock()) return cached;
    running ??= load().then((list) => {
      cached = list;
      running = undefined;
      return list;
    });
    // An expired list serves until the new one is there: nobody waits for a refresh.
    return cached ?? running;
  }

  return {
    async list(signal) {
      return (await orAborted(current(), signal)).models;
    },

    resolveAtOnce(requested) {
      if (cached === undefined || cached.expiresAtMs <= options.clock()) return undefined;
      return findModel(cached.byName, requested ?? options.defaultModel);
    },

    async resolve(requested, signal) {
      const { models, byName, isAuthoritative } = await orAborted(current(), signal);
      const wanted = requested ?? options.defaultModel;
      const found = findModel(byName, wanted);
      if (found !== undefined) return found;
      if (!isAuthoritative) return splitOrWhole(wanted);
      if (wanted.toLowerCase() === options.defaultModel.toLowerCase()) {
        const flagship = models[0];
        if (flagship !== undefined) {
          if (!hasWarnedAboutDefault) {
            hasWarnedAboutDefault = true;
            options.log.warn("The default model is not offered to this account: its flagship is asked instead", {
              defaultModel: options.defaultModel,
              flagship: flagship.id,
            });
          }
          return { id: flagship.id, mode: plain };
        }
      }
      throw new GatewayError(
        "model-not-found",
        `Cannot find the model "${wanted.slice(0, 100)}": GET /v1/models lists those that exist`,
        { upstream: upstreamName, param: "model" },
      );
    },
  };
}

/** The exact name goes before a name with a suffix, since some models end in `-thinking` themselves. */
function findModel(byName: ReadonlyMap<string, ModelInfo>, wanted: string): ResolvedModel | undefined {
  const exact = byName.get(wanted.toLowerCase());
  if (exact !== undefined) return { id: exact.id, mode: plain };
  const split = splitSuffix(wanted);
  const base = split === undefined ? undefined : byName.get(split.base.toLowerCase());
  return split === undefined || base === undefined ? undefined : { id: base.id, mode: split.mode };
}

function nameModels(models: readonly ModelInfo[]): ReadonlyMap<string, ModelInfo> {
  const byName = new Map<string, ModelInfo>();
  for (const model of models) {
    for (const name of [model.id.toLowerCase(), model.displayName.toLowerCase()]) {
      if (!byName.has(name)) byName.set(name, model);
    }
  }
  return byName;
}

/** What a name without a suffix says. */
const plain: Partial<Mode> = {};

function splitOrWhole(wanted: string): ResolvedModel {
  const split = splitSuffix(wanted);
  return split === undefined ? { id: wanted, mode: plain } : { id: split.base, mode: split.mode };
}

function parseModel(value: unknown): ModelInfo | undefined {
  if (!isJsonObject(value)) return undefined;
  // The list is somebody else's: fields are read one by one and may be missing.
  const model = value as QwenModel;
  if (typeof model.id !== "string" || model.id === "" || model.info?.is_active === false) return undefined;
  const meta = model.info?.meta;
  return {
    id: model.id,
    displayName: typeof model.name === "string" ? model.name : model.id,
    ownedBy: typeof model.owned_by === "string" ? model.owned_by : "qwen",
    createdAtSeconds: numberOf(model.info?.created_at),
    contextTokens: numberOf(meta?.max_context_length),
    maxOutputTokens: numberOf(meta?.max_summary_generation_length) ?? numberOf(meta?.max_generation_length),
    vision: meta?.capabilities?.vision === true,
    thinking: meta?.capabilities?.thinking === true,
  };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** As offered in 2026-08 (context and output lengths of the same date). Serves only while the backend's list cannot be had. */
const builtInModels: readonly ModelInfo[] = [
  builtIn("qwen3.8-max", 131_072),
  builtIn("qwen3.7-plus", 65_536),
  builtIn("qwen3.7-max", 65_536),
  builtIn("qwen3.6-plus", 65_536),
  builtIn("qwen3.5-plus", 65_536),
  builtIn("qwen3-max", 65_536),
  builtIn("qwen3-coder-plus", 65_536),
  builtIn("qwen3-vl-plus", 65_536),
];

function builtIn(id: string, maxOutputTokens: number): ModelInfo {
  return {
    id,
    displayName: id,
    ownedBy: "qwen",
    createdAtSeconds: undefined,
    contextTokens: 1_000_000,
    maxOutputTokens,
    vision: id !== "qwen3-coder-plus",
    thinking: true,
  };
}
