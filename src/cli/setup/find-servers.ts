// Servers of one's own that are found by asking: on the usual loopback ports, or where the user says.

import type { UpstreamSettings } from "../../config/config-schema.ts";
import { isJsonObject } from "../../contract/json.ts";
import { type HttpClient, readText } from "../../outbound/http-client.ts";
import { detectDialect } from "../../upstreams/openai-compatible/servers/detect-dialect.ts";
import type { DialectName } from "../../upstreams/openai-compatible/dialect.ts";
import { dialects } from "../../upstreams/openai-compatible/dialects/index.ts";
import { parseObject } from "../../upstreams/parse-object.ts";

export interface FoundServer {
  readonly baseUrl: string;
  readonly dialect: DialectName;
  /** Than its dialect says. */
  readonly hasMore?: true;
  /** As it lists them without a key. */
  readonly models: readonly string[];
  /** It is there, and lets nobody in without a key. */
  readonly wantsKey: boolean;
}

/** For each server, all questions together; whoever listens on this machine answers within. */
const lookTimeoutMs = 1500;
const maxListBytes = 1024 * 1024;

/** Where local servers usually are: Ollama 11434, vLLM 8000, SGLang 30000, llama.cpp 8080 and 9931, LM Studio 1234. */
export function usualAddresses(): readonly string[] {
  const known = Object.values(dialects).flatMap(({ baseUrls }) => Object.values(baseUrls));
  return known.filter((url) => url.startsWith("http://127.0.0.1:"));
}

/** All at once; those that answer as such servers do, in the order of the addresses. Never rejects. */
export async function findServers(addresses: readonly string[], http: HttpClient): Promise<readonly FoundServer[]> {
  const found = await Promise.all(addresses.map((baseUrl) => look(baseUrl, http)));
  return found.filter((server) => server !== undefined);
}

async function look(baseUrl: string, http: HttpClient): Promise<FoundServer | undefined> {
  const signal = AbortSignal.timeout(lookTimeoutMs);
  try {
    const [answer, { dialect, hasMore }] = await Promise.all([
      askModels(baseUrl, http, signal),
      // It shares the time: what it has not found out by then, it is not told.
      detectDialect({ http, baseUrl, keys: [], signal, timeoutMs: lookTimeoutMs - 100 }),
    ]);
    // Anything may listen on 8000 or 8080: a list of models is what makes it one of these servers.
    if (answer.models === undefined && !answer.isRefusal) return undefined;
    const more = hasMore === true ? { hasMore } : {};
    return { baseUrl, dialect, ...more, models: answer.models ?? [], wantsKey: answer.isRefusal };
  } catch {
    // Nothing listens there, or it is too slow to be one.
    return undefined;
  }
}

interface ModelsAnswer {
  readonly models: readonly string[] | undefined;
  /** 401 in JSON. */
  readonly isRefusal: boolean;
}

async function askModels(baseUrl: string, http: HttpClient, signal: AbortSignal): Promise<ModelsAnswer> {
  const headers = { accept: "application/json", "accept-encoding": "identity" };
  const response = await http.send({ method: "GET", url: `${baseUrl}/models`, headers, signal });
  const body = parseObject(await readText(response.body, maxListBytes, signal));
  if (response.status === 401) return { models: undefined, isRefusal: body !== undefined };
  const list = response.status < 300 ? body?.["data"] : undefined;
  if (!Array.isArray(list)) return { models: undefined, isRefusal: false };
  const ids = list.map((entry: unknown) => (isJsonObject(entry) ? entry["id"] : undefined));
  return { models: ids.filter((id) => typeof id === "string"), isRefusal: false };
}

/** @param isTaken whether a name has another owner */
export function serverSettings(
  server: Pick<FoundServer, "baseUrl" | "dialect" | "hasMore">,
  isTaken: (name: string) => boolean,
  keys: readonly string[] = [],
): UpstreamSettings {
  const { baseUrl, dialect, hasMore } = server;
  const name = freeName(dialect === "generic" ? "local" : dialect, isTaken);
  return {
    name,
    // What told nothing of itself, or is more than its dialect says, is asked again by whoever serves.
    ...(dialect === "generic" || hasMore === true ? {} : { dialect }),
    base_url: baseUrl,
    ...(keys.length === 0 ? {} : { api_keys: [...keys] }),
  };
}

export function freeName(wanted: string, isTaken: (name: string) => boolean): string {
  let name = wanted;
  for (let number = 2; isTaken(name); number++) name = `${wanted}-${number}`;
  return name;
}
