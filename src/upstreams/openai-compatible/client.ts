// The calls of one server: headers, body, and a classified error for every refusal.

import type { ByteSource } from "../../contract/byte-source.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { fromBytes } from "../../outbound/fetch-client.ts";
import { HeldSource, holdBeginning } from "../../outbound/held-source.ts";
import {
  type HttpClient,
  type OutboundRequest,
  type OutboundResponse,
  readText,
  type ResponseHeaders,
} from "../../outbound/http-client.ts";
import { parseJson, parseObject } from "../parse-object.ts";
import type { ConditionalHeader, Dialect } from "./dialect.ts";
import { isErrorAnswer } from "./refusals/error-body.ts";
import { type AnswerFacts, classifyAnswer, readRetryAfter, type RefusalSource } from "./refusals/errors.ts";
import { isCompletion } from "./reply/json-decoder.ts";

export interface ClientOptions {
  readonly dialect: Dialect;
  readonly http: HttpClient;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly source: RefusalSource;
  readonly userAgent: string;
  /** Further headers of the user's own; they take the place of the gateway's. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: () => number;
}

/** An accepted completion: an event stream, or a whole answer that was read. */
export type AcceptedCompletion =
  | { readonly type: "stream"; readonly body: ByteSource }
  /** `text` is what `body` was parsed from. */
  | { readonly type: "json"; readonly body: JsonObject; readonly text: string };

/** JSON, as text or in pieces of its bytes. */
export type CompletionBody = string | readonly Uint8Array[];

export interface PostBody {
  readonly contentType: string;
  readonly accept: string;
  readonly body: NonNullable<OutboundRequest["body"]>;
  /** Of a stream, where it is known. */
  readonly sizeBytes: number | undefined;
}

/** What a base URL ends in. */
const ofProtocol = /\/(?:v1|api\/v0)$/;

export interface CompatibleClient {
  /** @param onHead told of every answer, good or not. @throws {GatewayError} classified, whatever the status says */
  complete(
    body: CompletionBody,
    secret: string | undefined,
    signal: AbortSignal,
    onHead?: (headers: ResponseHeaders) => void,
  ): Promise<AcceptedCompletion>;
  /** Sends a body as it is. The answer is whatever it is. @param path as the dialect's record says it */
  post(path: string, body: PostBody, secret: string | undefined, signal: AbortSignal): Promise<OutboundResponse>;
  factsOf(response: OutboundResponse): AnswerFacts;
  /** The entries of the model list, unchecked. @throws {GatewayError} classified */
  listModels(secret: string | undefined, signal: AbortSignal): Promise<readonly unknown[]>;
  /**
   * The status of a route that tells of the server itself.
   * @param path behind the base URL; with a slash in front, in the place of its `/v1`
   */
  askStatus(path: string, secret: string | undefined, signal: AbortSignal): Promise<number>;
  /** Asks a route in the place of the base URL's `/v1` (of LM Studio also `/api/v0`). Undefined when it is not there. Never rejects. */
  askBeside(
    path: string,
    body: JsonObject | undefined,
    secret: string | undefined,
    signal: AbortSignal,
  ): Promise<JsonObject | undefined>;
}

const acceptsCompletion = "text/event-stream, application/json";
const maxJsonBytes = 16 * 1024 * 1024;
const maxRefusalBytes = 64 * 1024;

export function createCompatibleClient(options: ClientOptions): CompatibleClient {
  const { dialect, http, baseUrl, source } = options;
  const completionsUrl = `${baseUrl}/chat/completions`;

  const conditional = dialect.headers.filter(({ when }) => when !== "always");
  const lasting = fieldsOf(dialect.headers.filter(({ when }) => when === "always"));
  /** Of JSON requests that no condition applies to, by their secrets: those of all but a few. */
  const plain = new Map<string | undefined, Record<string, string>>();

  function headers(secret: string | undefined, accept: string, body?: CompletionBody): Record<string, string> {
    const extras = body === undefined ? [] : conditional.filter((header) => applies(header, body));
    return {
      accept,
      "accept-encoding": "identity",
      "user-agent": options.userAgent,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
      ...lasting,
      ...fieldsOf(extras),
      ...options.headers,
    };
  }

  function completionHeaders(secret: string | undefined, body: CompletionBody): Record<string, string> {
    if (conditional.some((header) => applies(header, body))) return headers(secret, acceptsCompletion, body);
    const known = plain.get(secret);
    if (known !== undefined) return known;
    const made = headers(secret, acceptsCompletion, "");
    plain.set(secret, made);
    return made;
  }

  function factsOf(response: OutboundResponse): AnswerFacts {
    return {
      status: response.status,
      contentType: contentTypeOf(response),
      retryAfterMs: readRetryAfter(response.headers, options.clock()),
    };
  }

  async function complete(
    body: CompletionBody,
    secret: string | undefined,
    signal: AbortSignal,
    onHead?: (headers: ResponseHeaders) => void,
  ): Promise<AcceptedCompletion> {
    const response = await http.send({
      method: "POST",
      url: completionsUrl,
      headers: {},
      lastingHeaders: completionHeaders(secret, body),
      body,
      signal,
    });
    onHead?.(response.headers);
    const isGood = response.status < 300;
    if (isGood && contentTypeOf(response).includes("text/event-stream")) return { type: "stream", body: response.body };
    if (!isGood) return acceptWhole(await readText(response.body, maxRefusalBytes, signal), response);
    // What has a length is made already, and nothing of it is waited for.
    const answer = hasLength(response) ? response.body : await holdBeginning(response.body, beginningBytes, signal);
    if (answer instanceof HeldSource && streamStart.test(beginning.decode(answer.bytes))) {
      return { type: "stream", body: answer };
    }
    return acceptWhole(await readText(answer, maxJsonBytes, signal), response);
  }

  /** An answer that is no stream: a completion all the same, or a refusal. */
  function acceptWhole(text: string, response: OutboundResponse): AcceptedCompletion {
    const json = response.status < 300 ? parseObject(text) : undefined;
    if (json !== undefined && isCompletion(json) && !isErrorAnswer(json)) return { type: "json", body: json, text };
    // A stream under a wrong content type is one all the same, unless its first event refuses.
    if (response.status < 300 && streamStart.test(text) && /^data: ?\{.*"choices"/m.test(text)) {
      return { type: "stream", body: fromBytes(new TextEncoder().encode(text)) };
    }
    throw classifyAnswer(text, factsOf(response), source);
  }

  function post(path: string, body: PostBody, secret: string | undefined, signal: AbortSignal) {
    const isStream = body.body instanceof ReadableStream;
    return http.send({
      method: "POST",
      url: path.startsWith("/") ? new URL(path, baseUrl).href : `${baseUrl}/${path}`,
      headers: {
        ...headers(secret, body.accept),
        "content-type": body.contentType,
        ...(isStream && body.sizeBytes !== undefined ? { "content-length": String(body.sizeBytes) } : {}),
      },
      body: body.body,
      signal,
    });
  }

  async function listModels(secret: string | undefined, signal: AbortSignal): Promise<readonly unknown[]> {
    const response = await http.send({
      method: "GET",
      url: `${baseUrl}/models`,
      headers: headers(secret, "application/json"),
      signal,
    });
    const text = await readText(response.body, maxJsonBytes, signal);
    const list = response.status < 300 ? modelsIn(text) : undefined;
    if (list === undefined) throw classifyAnswer(text, factsOf(response), source);
    return list;
  }

  async function askBeside(
    path: string,
    body: JsonObject | undefined,
    secret: string | undefined,
    signal: AbortSignal,
  ): Promise<JsonObject | undefined> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    try {
      const response = await http.send({
        method: text === undefined ? "GET" : "POST",
        url: baseUrl.replace(ofProtocol, "") + path,
        headers: headers(secret, "application/json", text),
        ...(text === undefined ? {} : { body: text }),
        signal,
      });
      const answer = await readText(response.body, maxJsonBytes, signal);
      return response.status < 300 ? parseObject(answer) : undefined;
    } catch {
      // Only a list with fewer numbers in it.
      return undefined;
    }
  }

  async function askStatus(path: string, secret: string | undefined, signal: AbortSignal): Promise<number> {
    const url = path.startsWith("/") ? baseUrl.replace(/\/v1$/, "") + path : `${baseUrl}/${path}`;
    const response = await http.send({ method: "GET", url, headers: headers(secret, "application/json"), signal });
    // To its end: the connection serves the next one.
    await readText(response.body, maxRefusalBytes, signal);
    return response.status;
  }

  return { complete, post, factsOf, listModels, askStatus, askBeside };
}

/** Enough to tell a field of an event stream. */
const beginningBytes = 8;
/** Proxies for vLLM call it JSON (vllm-ascend PR 6985, vllm PR 47526, 2026). */
const streamStart = /^\s*(?:data:|event:|id:|retry:|:)/;
/** A mark at the beginning goes. */
const beginning = new TextDecoder();

/** Together AI and Mistral answer with the list alone (bifrost #6711, 2026-09). */
function modelsIn(text: string): readonly unknown[] | undefined {
  const value = parseJson(text);
  const list = isJsonObject(value) ? value["data"] : value;
  return Array.isArray(list) ? list : undefined;
}

function hasLength({ headers }: OutboundResponse): boolean {
  return headers.get("content-length") !== null;
}

function fieldsOf(headers: readonly ConditionalHeader[]): Record<string, string> {
  return Object.fromEntries(headers.map(({ name, value }) => [name, value]));
}

function applies({ when }: ConditionalHeader, body: CompletionBody): boolean {
  switch (when) {
    case "always":
      return true;
    case "cache-markers":
      return holds(body, '"cache_control"');
    case "oss-links":
      return holds(body, '"oss://');
    default:
      return when satisfies never;
  }
}

function holds(body: CompletionBody, text: string): boolean {
  return (typeof body === "string" ? body : Buffer.concat(body)).includes(text);
}

function contentTypeOf(response: OutboundResponse): string {
  return (response.headers.get("content-type") ?? "").toLowerCase();
}
