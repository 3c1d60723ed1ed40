// The calls of the Qwen web backend, one function each: headers, body, and a classified error for every refusal.

import type { ByteSource } from "../../contract/byte-source.ts";
import type { Account } from "../../credentials/account.ts";
import { type HttpClient, type OutboundResponse, readText } from "../../outbound/http-client.ts";
import type { QwenChatType, QwenCompletionBody } from "../../wire/qwen-web.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { classifyBody, parseObject } from "./errors.ts";
import { createNewChatBody } from "./request-body.ts";

export interface ClientOptions {
  readonly http: HttpClient;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly chatTitle: string;
  /** What the gateway calls itself unless the user captured a browser's name. */
  readonly userAgent: string;
  readonly clock: () => number;
}

/** An accepted completion: an event stream, or a JSON answer that was read whole. */
export type AcceptedCompletion =
  { readonly type: "stream"; readonly body: ByteSource } | { readonly type: "json"; readonly body: JsonObject };

export interface QwenWebClient {
  /** @returns the chat's id. */
  createChat(account: Account, model: string, chatType: QwenChatType, signal: AbortSignal): Promise<string>;
  sendMessage(account: Account, body: QwenCompletionBody, signal: AbortSignal): Promise<AcceptedCompletion>;
  /** Ends a running generation. Resolves to false when the backend did not confirm it. */
  stop(account: Account, chatId: string, responseId: string, signal: AbortSignal): Promise<boolean>;
  deleteChat(account: Account, chatId: string, signal: AbortSignal): Promise<void>;
  /** The entries of the model list, unchecked. */
  listModels(account: Account, signal: AbortSignal): Promise<readonly unknown[]>;
}

const maxJsonBytes = 16 * 1024 * 1024;
const maxRefusalBytes = 64 * 1024;

export function createQwenWebClient(options: ClientOptions): QwenWebClient {
  const { http, baseUrl } = options;

  async function requestJson(
    account: Account,
    method: "GET" | "POST" | "DELETE",
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const response = await http.send({
      method,
      url: baseUrl + path,
      headers: outgoingHeaders(account, options, { accept: "application/json, text/plain, */*", withVersion: false }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
    return readAnswer(response, signal);
  }

  return {
    async createChat(account, model, chatType, signal) {
      const body = createNewChatBody(options.chatTitle, model, chatType, options.clock());
      const answer = await requestJson(account, "POST", "/api/v2/chats/new", body, signal);
      const data = answer["data"];
      const id = isJsonObject(data) ? data["id"] : undefined;
      if (typeof id !== "string" || id === "") throw classifyBody("{}", "application/json", noFacts);
      return id;
    },

    async sendMessage(account, body, signal) {
      const response = await http.send({
        method: "POST",
        url: `${baseUrl}/api/v2/chat/completions?chat_id=${encodeURIComponent(body.chat_id)}`,
        headers: {
          ...outgoingHeaders(account, options, { accept: "application/json", withVersion: true }),
          "x-accel-buffering": "no",
          referer: `${baseUrl}/c/${body.chat_id}`,
        },
        body: JSON.stringify(body),
        signal,
      });
      return acceptCompletion(response, signal);
    },

    async stop(account, chatId, responseId, signal) {
      const path = `/api/v2/chat/completions/stop?chat_id=${encodeURIComponent(chatId)}`;
      try {
        await requestJson(account, "POST", path, { chat_id: chatId, response_id: responseId }, signal);
        return true;
      } catch {
        // A stop that fails leaves the chat busy for a while: the caller waits for it to settle.
        return false;
      }
    },

    async deleteChat(account, chatId, signal) {
      await requestJson(account, "DELETE", `/api/v2/chats/${encodeURIComponent(chatId)}`, undefined, signal);
    },

    async listModels(account, signal) {
      const answer = await requestJson(account, "GET", "/api/models", undefined, signal);
      const data = answer["data"];
      // The v2 list wraps its array once more.
      const list = isJsonObject(data) ? data["data"] : data;
      if (!Array.isArray(list)) throw classifyBody("{}", "application/json", noFacts);
      return list;
    },
  };
}

/** @throws {GatewayError} when the answer is a refusal, whatever its status says */
export async function acceptCompletion(response: OutboundResponse, signal: AbortSignal): Promise<AcceptedCompletion> {
  if (response.status < 300 && contentType(response).includes("text/event-stream")) {
    return { type: "stream", body: response.body };
  }
  return { type: "json", body: await readAnswer(response, signal) };
}

const noFacts = { status: 502, retryAfterMs: undefined };

/** @throws {GatewayError} classified, unless the body is JSON that does not say `success: false` */
async function readAnswer(response: OutboundResponse, signal: AbortSignal): Promise<JsonObject> {
  const type = contentType(response);
  const isAccepted = response.status < 300 && type.includes("json");
  const text = await readText(response.body, isAccepted ? maxJsonBytes : maxRefusalBytes, signal);
  const body = isAccepted ? parseObject(text) : undefined;
  const isRefusal = body === undefined || body["success"] === false || "error" in body || "ret" in body;
  if (isRefusal || isFlatRefusal(body)) throw classifyBody(text, type, factsOf(response));
  return body;
}

/** `{"code":"RateLimited","detail":…}` without a `success` field, as seen in 2026-04. */
function isFlatRefusal(body: JsonObject): boolean {
  return !("success" in body) && typeof body["code"] === "string" && !("data" in body);
}

function factsOf(response: OutboundResponse): { status: number; retryAfterMs: number | undefined } {
  const actual = Number(response.headers.get("x-actual-status-code"));
  const retryAfterSeconds = Number(response.headers.get("retry-after"));
  return {
    status: actual >= 100 ? actual : response.status,
    retryAfterMs: retryAfterSeconds > 0 ? retryAfterSeconds * 1000 : undefined,
  };
}

function contentType(response: OutboundResponse): string {
  return (response.headers.get("content-type") ?? "").toLowerCase();
}

interface HeaderOptions {
  readonly accept: string;
  /** A stale `version` on `chats/new` is answered like a dead session (2026-09), so only completions carry it. */
  readonly withVersion: boolean;
}

/** The plain headers of a client, then whatever the account's user captured. Nothing is made up. */
function outgoingHeaders(
  account: Account,
  options: ClientOptions,
  { accept, withVersion }: HeaderOptions,
): Record<string, string> {
  const headers: Record<string, string> = {
    accept,
    "content-type": "application/json",
    "accept-encoding": "identity",
    "user-agent": options.userAgent,
    "x-request-id": crypto.randomUUID(),
    origin: options.baseUrl,
    referer: `${options.baseUrl}/`,
    source: "web",
    timezone: new Date(options.clock()).toString().replace(/ \(.*/, ""),
  };
  for (const [name, value] of Object.entries(account.headers)) {
    if (withVersion || name !== "version") headers[name] = value;
  }
  if (account.token !== undefined) headers["authorization"] = `Bearer ${account.token}`;
  if (account.cookies !== undefined) headers["cookie"] = account.cookies;
  return headers;
}
