// The models that a server offers: fetched, filled in from what is known of their names, and kept for a while.

import { GatewayError } from "../../../contract/gateway-error.ts";
import { isJsonObject } from "../../../contract/json.ts";
import { type ModelInfo, mostModels } from "../../../contract/upstream.ts";
import type { Log } from "../../../telemetry/log.ts";
import type { ListedModel } from "../../../wire/openai-compatible.ts";
import { knownModel } from "./known-models.ts";
import type { ModelDetails } from "./model-details.ts";

export interface ModelListOptions {
  readonly upstream: string;
  /** Fetches the raw entries. */
  readonly fetchList: (signal: AbortSignal) => Promise<readonly unknown[]>;
  /** What the server tells elsewhere; "" is the key of what holds for all. Never rejects. */
  readonly fetchDetails: (ids: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, ModelDetails>>;
  /** The user's own list: the server is not asked. */
  readonly configured: readonly string[];
  /** Served while the list cannot be had. */
  readonly fallback: readonly string[];
  /** Longest wait for the server, in milliseconds. @defaultValue 5000 */
  readonly timeoutMs?: number;
  readonly clock: () => number;
  readonly log: Log;
}

export interface ModelList {
  /** @throws {GatewayError} when neither the server nor anybody else can tell */
  list(): Promise<readonly ModelInfo[]>;
  /** The model of a request that names none. @throws {GatewayError} as `list`, or when the list is empty */
  first(): Promise<string>;
  /**
   * The name as the server writes it, which may tell letters apart: older Claude Code writes all of them small. One that is not in
   * the list is as it was. Undefined: nobody has read the list yet.
   */
  spelled(name: string): string | undefined;
  /** Reads it again, unless that was just done. Never rejects. */
  renew(): Promise<void>;
}

interface CachedList {
  readonly models: readonly ModelInfo[];
  /** By names in small letters. */
  readonly spellings: ReadonlyMap<string, readonly string[]>;
  readonly isFetched: boolean;
  readonly expiresAtMs: number;
}

const lifetimeMs = 10 * 60_000;
/** After a failure what is known serves for this long before the server is asked again. */
const retryMs = 30_000;
const defaultTimeoutMs = 5000;
/** Names of models come from clients: one that does not exist costs the server no more than this often. */
const leastRenewMs = 10_000;

export function createModelList(options: ModelListOptions): ModelList {
  let cached: CachedList | undefined;
  let running: Promise<CachedList> | undefined;
  let renewableAtMs = 0;

  async function load(): Promise<CachedList> {
    if (options.configured.length > 0) {
      return listOf(options.configured.map(byName), true, Number.POSITIVE_INFINITY);
    }
    const { timeoutMs = defaultTimeoutMs } = options;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const raw = await options.fetchList(signal);
      const listed = raw
        .slice(0, mostModels)
        .map(parseModel)
        .filter((model) => model !== undefined);
      const ids = listed.map(({ id }) => id);
      const details = await options.fetchDetails(ids, signal);
      const detailsOf = (model: ModelInfo) => details.get(model.id) ?? details.get("");
      const chatting = listed.filter((model) => detailsOf(model)?.chats !== false);
      const others = listed.filter((model) => detailsOf(model)?.chats === false);
      // The first one serves requests that name none.
      const models = [...chatting, ...others].map((model) => withDetails(model, detailsOf(model)));
      return listOf(models, true, options.clock() + lifetimeMs);
    } catch (error) {
      // A list that was fetched once is better than one of known names.
      const models = cached?.isFetched ? cached.models : options.fallback.map(byName);
      options.log.warn("Cannot fetch the model list: a known one serves instead", {
        upstream: options.upstream,
        reason: error instanceof Error ? error.message : "unknown",
      });
      if (models.length === 0) throw signal.aborted ? tooLate(options.upstream, timeoutMs) : error;
      return listOf(models, cached?.isFetched ?? false, options.clock() + retryMs);
    }
  }

  /** One fetch serves everybody who waits; a caller that leaves does not end it. */
  function fetchOnce(): Promise<CachedList> {
    running ??= load()
      .then((list) => {
        cached = list;
        return list;
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  }

  async function current(): Promise<CachedList> {
    // Whoever found it empty loads a model next.
    if (cached === undefined || cached.models.length === 0) return fetchOnce();
    if (cached.expiresAtMs > options.clock()) return cached;
    // An expired list serves until the new one is there: nobody waits for a refresh, and nobody hears that it failed.
    fetchOnce().catch(() => {});
    return cached;
  }

  return {
    list: async () => (await current()).models,
    async first() {
      const { models } = await current();
      const [model] = models;
      if (model !== undefined) return model.id;
      throw new GatewayError("model-not-found", "Cannot choose a model: the upstream offers none, name one", {
        upstream: options.upstream,
        param: "model",
      });
    },
    spelled(name) {
      const listed = cached?.spellings.get(name.toLowerCase()) ?? [];
      // Two that differ in their letters alone are two models.
      return listed.length === 1 ? listed[0] : cached && name;
    },
    async renew() {
      const nowMs = options.clock();
      const isDue = nowMs >= renewableAtMs;
      if (isDue) renewableAtMs = nowMs + leastRenewMs;
      // The failure is in the log, and what is kept serves on.
      await (isDue ? fetchOnce() : running)?.catch(() => {});
    },
  };
}

function listOf(models: readonly ModelInfo[], isFetched: boolean, expiresAtMs: number): CachedList {
  const spellings = Map.groupBy(
    models.map(({ id }) => id),
    (id) => id.toLowerCase(),
  );
  return { models, spellings, isFetched, expiresAtMs };
}

function tooLate(upstream: string, timeoutMs: number): GatewayError {
  const message = `Cannot fetch the model list of "${upstream}": it did not answer within ${timeoutMs / 1000} s`;
  return new GatewayError("upstream-timeout", message, { upstream, retryable: true });
}

function byName(id: string): ModelInfo {
  return {
    id,
    displayName: id,
    ownedBy: "qwen",
    createdAtSeconds: undefined,
    contextTokens: undefined,
    maxOutputTokens: undefined,
    vision: false,
    thinking: false,
    ...known(id),
  };
}

function known(id: string): Partial<ModelInfo> {
  const model = knownModel(id);
  if (model === undefined) return {};
  const { contextTokens, maxOutputTokens, vision, thinking } = model;
  return { contextTokens, maxOutputTokens, vision, thinking };
}

function parseModel(value: unknown): ModelInfo | undefined {
  if (!isJsonObject(value)) return undefined;
  // The list is somebody else's: fields are read one by one and may be missing.
  const model = value as ListedModel;
  if (typeof model.id !== "string" || model.id === "") return undefined;
  const named = byName(model.id);
  const told =
    numberOf(model.max_model_len) ??
    numberOf(model.context_length) ??
    numberOf(model.context_window) ??
    numberOf(model.meta?.n_ctx) ??
    numberOf(model.meta?.n_ctx_train);
  return {
    ...named,
    ownedBy: typeof model.owned_by === "string" && model.owned_by !== "" ? model.owned_by : named.ownedBy,
    createdAtSeconds: numberOf(model.created),
    contextTokens: told ?? named.contextTokens,
  };
}

function withDetails(model: ModelInfo, details: ModelDetails | undefined): ModelInfo {
  if (details === undefined) return model;
  return {
    ...model,
    contextTokens: details.contextTokens ?? model.contextTokens,
    vision: details.vision ?? model.vision,
    thinking: details.thinking ?? model.thinking,
  };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
