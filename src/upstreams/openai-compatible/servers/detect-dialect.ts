// Which dialect a server speaks: by the name of its host, else by what it answers to three small questions.

import { isJsonObject, type JsonObject } from "../../../contract/json.ts";
import { type HttpClient, readText } from "../../../outbound/http-client.ts";
import type { DialectName } from "../dialect.ts";
import { parseObject } from "../../parse-object.ts";

export interface DetectOptions {
  readonly http: HttpClient;
  /** With or without a slash at its end. */
  readonly baseUrl: string;
  /** Tried one after the other, as long as they are refused. */
  readonly keys: readonly string[];
  /** Further headers of the user's own, names in lower case. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** For each question, milliseconds. @defaultValue 3000 */
  readonly timeoutMs?: number;
}

export interface DetectedDialect {
  readonly dialect: DialectName;
  /** The server itself has answered: not something before it, in its place, nor the server while it starts. */
  readonly isAlive: boolean;
  /** It is more than the server that the dialect is named after: which endpoints it has, it says when it is asked for them. */
  readonly hasMore?: true;
  /** What it was recognised by, for a line of the log. */
  readonly reason: string;
}

const defaultTimeoutMs = 3000;
const maxAnswerBytes = 262_144;

const hosts: readonly (readonly [pattern: RegExp, dialect: DialectName])[] = [
  [/^coding(?:-intl)?\.dashscope\.aliyuncs\.com$|^token-plan\./, "dashscope-plans"],
  [/(?:^|[.-])dashscope(?:-\w+)?\.aliyuncs\.com$|\.maas\.aliyuncs\.com$/, "dashscope"],
  [/(?:^|\.)modelscope\.cn$/, "modelscope"],
];

/** `owned_by` of the models that servers list. */
const owners: Readonly<Record<string, DialectName>> = {
  vllm: "vllm",
  sglang: "sglang",
  llamacpp: "llama-cpp",
  // In front of it or made of it, with an `/api/version` like Ollama's (their sources and documents, 2026).
  "llama-swap": "llama-cpp",
  lemonade: "llama-cpp",
  koboldcpp: "llama-cpp",
  // LM Studio (2025).
  organization_owner: "lm-studio",
  // Ollama's own namespace.
  library: "ollama",
};

/** Speech, transcripts and pictures as well, each by a server of its own. */
const manifold: ReadonlySet<string> = new Set(["llama-swap", "lemonade", "koboldcpp"]);

/** Never rejects but by the signal: a server that tells nothing speaks "generic". */
export async function detectDialect(options: DetectOptions): Promise<DetectedDialect> {
  const url = new URL(options.baseUrl);
  const byHost = dialectOfHost(url.hostname);
  if (byHost !== undefined) return { dialect: byHost, isAlive: true, reason: `its host is ${url.hostname}` };
  const [key, ...otherKeys] = options.keys;
  const base = options.baseUrl.replace(/\/+$/, "");
  const beside = base.replace(/\/v1$/, "");
  const [models, version, props] = await Promise.all([
    ask(`${base}/models`, key, options),
    ask(`${beside}/api/version`, key, options),
    ask(`${beside}/props`, key, options),
  ]);
  options.signal.throwIfAborted();
  if (models?.isRefused === true && otherKeys.length > 0) return detectDialect({ ...options, keys: otherKeys });
  const owner = ownerOf(models?.body);
  if (owner !== undefined) {
    const more = manifold.has(owner) ? { hasMore: true as const } : {};
    return { dialect: owners[owner]!, isAlive: true, ...more, reason: `its models are owned by "${owner}"` };
  }
  if (typeof version?.body?.["version"] === "string")
    return { dialect: "ollama", isAlive: true, reason: "it has /api/version" };
  if (isProps(props?.body)) return { dialect: "llama-cpp", isAlive: true, reason: "it has /props" };
  const isAlive = models?.isDown !== true && [models, version, props].some((answer) => answer?.isDown === false);
  return { dialect: "generic", isAlive, reason: isAlive ? "it told nothing of itself" : "nothing answered" };
}

/** Of the services whose hosts are known. */
export function dialectOfHost(hostname: string): DialectName | undefined {
  return hosts.find(([pattern]) => pattern.test(hostname))?.[1];
}

interface Answer {
  /** Undefined: no JSON object. */
  readonly body: JsonObject | undefined;
  /** By its status it does not serve now. */
  readonly isDown: boolean;
  /** Not for this key. */
  readonly isRefused: boolean;
}

/** Undefined: nothing answered. */
async function ask(url: string, key: string | undefined, options: DetectOptions): Promise<Answer | undefined> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs)]);
  try {
    const headers: Record<string, string> = { accept: "application/json", "accept-encoding": "identity" };
    if (key !== undefined) headers["authorization"] = `Bearer ${key}`;
    Object.assign(headers, options.headers);
    const { status, body } = await options.http.send({ method: "GET", url, headers, signal });
    const text = await readText(body, maxAnswerBytes, signal);
    return {
      body: status < 300 ? parseObject(text) : undefined,
      // 500 and 501 are the server's own: some have no list, and would be asked anew before each request.
      isDown: status > 501,
      isRefused: status === 401 || status === 403,
    };
  } catch {
    // Not there, or too slow to tell: the other answers decide.
    return undefined;
  }
}

function ownerOf(body: JsonObject | undefined): string | undefined {
  const list = Array.isArray(body?.["data"]) ? (body["data"] as readonly unknown[]) : [];
  for (const entry of list) {
    const owner = isJsonObject(entry) ? entry["owned_by"] : undefined;
    if (typeof owner === "string" && Object.hasOwn(owners, owner.toLowerCase())) return owner.toLowerCase();
  }
  return undefined;
}

/** Others answer every path with something. */
function isProps(body: JsonObject | undefined): boolean {
  return body !== undefined && ("default_generation_settings" in body || "chat_template" in body || "n_ctx" in body);
}
