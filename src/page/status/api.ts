// What the page asks the gateway for. Adds the key as a header, and makes sentences of refusals.

import { combineSignals } from "../../client/combine-signals.ts";
import { keyHeaders, refusalOf, RequestError } from "../gateway/api.ts";
import {
  type AccountFacts,
  type Health,
  parseAccounts,
  parseDefaultModel,
  parseHealth,
  parseModelIds,
  parseSamples,
  parseStatus,
  parseStreams,
  parseUpstreams,
  type SamplesFacts,
  type Status,
  type StreamFacts,
  type UpstreamFacts,
} from "./facts.ts";

/** All at one moment. */
export interface Facts {
  readonly status: Status;
  readonly upstreams: readonly UpstreamFacts[];
  readonly accounts: readonly AccountFacts[];
  readonly streams: readonly StreamFacts[];
  readonly recent: SamplesFacts;
}

/** Every method rejects with a `RequestError`, also when `signal` is aborted. */
export interface StatusApi {
  readHealth(signal: AbortSignal): Promise<Health>;
  /** @param sinceMs of the samples; undefined: all that there are */
  readFacts(key: string | undefined, sinceMs: number | undefined, signal: AbortSignal): Promise<Facts>;
  /** Whether clients need a key, and which models there are for one without. */
  readClients(signal: AbortSignal): Promise<{ readonly wantsKey: boolean; readonly models: readonly string[] }>;
  readDefaultModel(key: string | undefined, signal: AbortSignal): Promise<string | undefined>;
  /** What was asked for happens, whether anybody looks or not. */
  endStream(id: string, key: string | undefined): Promise<void>;
  /** `/openapi.json`, to be read by people too. */
  readDocument(key: string | undefined): Promise<string>;
}

/** Longest wait for an answer, in milliseconds. */
const timeoutMs = 8000;
/** The list of models waits for upstreams. */
const modelsTimeoutMs = 30_000;

const somethingElse = "Something else than the gateway answers at this address";

export function createStatusApi(): StatusApi {
  /** Paths are relative: behind a proxy the gateway may stand beneath a prefix, and the page with it. */
  async function ask(path: string, options: AskOptions): Promise<unknown> {
    const { key, signal, method = "GET", limitMs = timeoutMs } = options;
    const limit = AbortSignal.timeout(limitMs);
    const response = await fetch(path, {
      method,
      headers: { accept: "application/json", ...keyHeaders(key) },
      cache: "no-store",
      signal: combineSignals(signal, limit),
    }).catch((error: unknown) => {
      throw new RequestError("The gateway cannot be reached", 0, error);
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw new RequestError(refusalOf(body, response.status), response.status);
    if (body === undefined) throw new RequestError(somethingElse, response.status);
    return body;
  }

  return {
    readHealth: async (signal) => known(parseHealth(await ask("health", { signal }))),
    async readFacts(key, sinceMs, signal) {
      const options = { key, signal };
      const since = sinceMs === undefined ? "" : `?since=${new Date(sinceMs).toISOString()}`;
      // Alone, so that a refusal is told once.
      const status = known(parseStatus(await ask("admin/api/status", options)));
      const [upstreams, accounts, streams, samples] = await Promise.all([
        ask("admin/api/upstreams", options),
        ask("admin/api/accounts", options),
        ask("admin/api/streams", options),
        ask(`admin/api/samples${since}`, options),
      ]);
      return {
        status,
        upstreams: parseUpstreams(upstreams),
        accounts: parseAccounts(accounts),
        streams: parseStreams(streams),
        recent: parseSamples(samples),
      };
    },
    async readClients(signal) {
      try {
        const body = await ask("v1/models", { signal, limitMs: modelsTimeoutMs });
        return { wantsKey: false, models: parseModelIds(body) };
      } catch (error) {
        if (!(error instanceof RequestError) || error.status === 0) throw error;
        // Who may come in is asked first: what fails behind that has let us in.
        return { wantsKey: error.status === 401, models: [] };
      }
    },
    readDefaultModel: async (key, signal) => parseDefaultModel(await ask("admin/api/config", { key, signal })),
    async endStream(id, key) {
      await ask(`admin/api/streams/${encodeURIComponent(id)}`, { key, method: "DELETE" });
    },
    readDocument: async (key) => JSON.stringify(await ask("openapi.json", { key }), null, 2),
  };
}

interface AskOptions {
  readonly key?: string | undefined;
  /** Beside the limit. */
  readonly signal?: AbortSignal;
  readonly method?: "GET" | "DELETE";
  readonly limitMs?: number;
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new RequestError(somethingElse, 200);
  return value;
}
