// The calls of the Qwen web backend, one function each: headers, body, and a classified error for every refusal.

import type { ByteSource } from "../../contract/byte-source.ts";
import type { Account } from "../../credentials/account.ts";
import { type HttpClient, type OutboundResponse, readText } from "../../outbound/http-client.ts";
import type { QwenChatType, QwenCompletionBody } from "../../wire/qwen-web.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { parseObject } from "../parse-object.ts";
import { classifyBody, longestLimitMs, QwenRefusal } from "./errors.ts";
import type { MessageContent } from "./message/message-text.ts";
import { createNewChatBody, encodeCompletionBody } from "./request-body.ts";

/** How long a stop that is asked for may take. */
export const stopTimeoutMs = 5000;

export interface ClientOptions {
  readonly http: HttpClient;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly chatTitle: string;
  /** What the gateway calls itself unless the user captured a browser's name. */
  readonly userAgent: string;
  readonly clock: () => number;
  /** An accepted answer changed cookies. */
  readonly onSetCookies?: (account: Account, lines: readonly string[]) => void;
}

/** An accepted completion: an event stream, or a JSON answer that was read whole. */
export type AcceptedCompletion =
  | { readonly type: "stream"; readonly body: ByteSource }
  | { readonly type: "json"; readonly body: JsonObject; readonly text: string };

/** A file that is about to be uploaded. */
export interface AnnouncedFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly type: "image" | "video" | "audio" | "file";
}

export interface QwenWebClient {
  /** @returns the chat's id. */
  createChat(account: Account, model: string, chatType: QwenChatType, signal: AbortSignal): Promise<string>;
  sendMessage(
    account: Account,
    body: QwenCompletionBody<MessageContent>,
    signal: AbortSignal,
  ): Promise<AcceptedCompletion>;
  /** Ends a running generation. Resolves to false when the backend did not confirm it. */
  stop(account: Account, chatId: string, responseId: string, signal: AbortSignal): Promise<boolean>;
  /** One that is gone already counts as deleted. */
  deleteChat(account: Account, chatId: string, signal: AbortSignal): Promise<void>;
  /** The chat as the backend keeps it, with all its nodes; unchecked. */
  readChat(account: Account, chatId: string, signal: AbortSignal): Promise<JsonObject>;
  /** Leave to put one file into the backend's storage; unchecked. */
  getUploadToken(account: Account, file: AnnouncedFile, signal: AbortSignal): Promise<JsonObject>;
  /** Lets the backend read a document that was uploaded. */
  parseFile(account: Account, fileId: string, signal: AbortSignal): Promise<void>;
  /** How far it is: "success" at the end. Undefined when it does not say. */
  parseStatus(account: Account, fileId: string, signal: AbortSignal): Promise<string | undefined>;
  /** How far a job of the backend is, and what it made; "" where nothing is told. */
  taskStatus(
    account: Account,
    taskId: string,
    signal: AbortSignal,
  ): Promise<{ readonly status: string; readonly content: string }>;
  /** Reads something that only the account may read, and that changes nothing. @throws {GatewayError} when it is refused */
  checkAccount(account: Account, signal: AbortSignal): Promise<void>;
  /** The entries of the model list, unchecked. */
  listModels(account: Account, signal: AbortSignal): Promise<readonly unknown[]>;
}

const maxJsonBytes = 16 * 1024 * 1024;
const maxRefusalBytes = 64 * 1024;

export function createQwenWebClient(options: ClientOptions): QwenWebClient {
  const { http, baseUrl } = options;
  const lastingHeaders = createLastingHeaders(options);
  const timezone = createTimezone();

  /** What no two requests have in common. */
  function ownHeaders(referer: string): Readonly<Record<string, string>> {
    return { "x-request-id": crypto.randomUUID(), referer, timezone: timezone(options.clock()) };
  }

  function send(
    account: Account,
    method: "GET" | "POST" | "DELETE",
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<OutboundResponse> {
    return http.send({
      method,
      url: baseUrl + path,
      headers: ownHeaders(`${baseUrl}/`),
      lastingHeaders: lastingHeaders(account).ofCalls,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  }

  async function requestJson(
    account: Account,
    method: "GET" | "POST",
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const response = await send(account, method, path, body, signal);
    const answer = judgeAnswer(response, await readAnswerText(response, signal));
    tellCookies(account, response);
    return answer;
  }

  /** Those of refusals are not taken: a firewall or an error page has no say in a session. */
  function tellCookies(account: Account, response: OutboundResponse): void {
    if (options.onSetCookies === undefined || response.headers.get("set-cookie") === null) return;
    options.onSetCookies(account, response.headers.getSetCookie());
  }

  return {
    createChat(account, model, chatType, signal) {
      const body = createNewChatBody(options.chatTitle, model, chatType, options.clock());
      return requestJson(account, "POST", "/api/v2/chats/new", body, signal).then(chatIdIn);
    },

    async sendMessage(account, body, signal) {
      const response = await http.send({
        method: "POST",
        url: `${baseUrl}/api/v2/chat/completions?chat_id=${encodeURIComponent(body.chat_id)}`,
        headers: ownHeaders(`${baseUrl}/c/${body.chat_id}`),
        lastingHeaders: lastingHeaders(account).ofCompletions,
        body: encodeCompletionBody(body),
        signal,
      });
      const accepted = acceptStream(response) ?? (await acceptCompletion(response, signal));
      tellCookies(account, response);
      return accepted;
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
      const response = await send(account, "DELETE", `/api/v2/chats/${encodeURIComponent(chatId)}`, undefined, signal);
      const text = await readAnswerText(response, signal);
      // As clients of 2026-06 read it: done, or its owner was faster.
      if (response.status === 204 || factsOf(response).status === 404) return;
      try {
        const { data } = judgeAnswer(response, text);
        tellCookies(account, response);
        if (isJsonObject(data) && data["status"] === false) throw classifyBody("{}", "application/json", noFacts);
      } catch (error) {
        if (!(error instanceof QwenRefusal) || error.chainAction !== "restart") throw error;
      }
    },

    async readChat(account, chatId, signal) {
      const path = `/api/v2/chats/${encodeURIComponent(chatId)}`;
      const { data } = await requestJson(account, "GET", path, undefined, signal);
      if (!isJsonObject(data)) throw classifyBody("{}", "application/json", noFacts);
      return data;
    },

    async getUploadToken(account, { name, sizeBytes, type }, signal) {
      const file = { filename: name, filesize: sizeBytes, filetype: type };
      const { data } = await requestJson(account, "POST", "/api/v2/files/getstsToken", file, signal);
      if (!isJsonObject(data)) throw classifyBody("{}", "application/json", noFacts);
      return data;
    },

    async parseFile(account, fileId, signal) {
      await requestJson(account, "POST", "/api/v2/files/parse", { file_id: fileId }, signal);
    },

    async parseStatus(account, fileId, signal) {
      const body = { file_id_list: [fileId] };
      const { data } = await requestJson(account, "POST", "/api/v2/files/parse/status", body, signal);
      const first: unknown = Array.isArray(data) ? data[0] : data;
      const status = isJsonObject(first) ? first["status"] : undefined;
      return typeof status === "string" ? status : undefined;
    },

    async taskStatus(account, taskId, signal) {
      const path = `/api/v2/task/status/${encodeURIComponent(taskId)}`;
      const answer = await requestJson(account, "GET", path, undefined, signal);
      // The older address answers without an envelope.
      const data = isJsonObject(answer["data"]) ? answer["data"] : answer;
      const { task_status: status, content } = data;
      return {
        status: typeof status === "string" ? status : "",
        content: typeof content === "string" ? content : "",
      };
    },

    async checkAccount(account, signal) {
      // The calls that tell who one is rotate the session's cookie, as observed in 2026-09: the list of chats does not.
      await requestJson(account, "GET", "/api/v2/chats/?page=1&exclude_project=true", undefined, signal);
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

function chatIdIn({ data }: JsonObject): string {
  const id = isJsonObject(data) ? data["id"] : undefined;
  if (typeof id !== "string" || id === "") throw classifyBody("{}", "application/json", noFacts);
  return id;
}

/** @throws {GatewayError} when the answer is a refusal, whatever its status says */
export async function acceptCompletion(response: OutboundResponse, signal: AbortSignal): Promise<AcceptedCompletion> {
  const stream = acceptStream(response);
  if (stream !== undefined) return stream;
  const text = await readAnswerText(response, signal);
  return { type: "json", body: judgeAnswer(response, text), text };
}

/** Undefined: it has to be read first. */
function acceptStream(response: OutboundResponse): AcceptedCompletion | undefined {
  const isStream = response.status < 300 && contentType(response).includes("text/event-stream");
  return isStream ? { type: "stream", body: response.body } : undefined;
}

const noFacts = { status: 502, retryAfterMs: undefined };

/** @throws {GatewayError} classified, unless the body is JSON that does not say `success: false` */
export async function readAnswer(response: OutboundResponse, signal: AbortSignal): Promise<JsonObject> {
  return judgeAnswer(response, await readAnswerText(response, signal));
}

function readAnswerText(response: OutboundResponse, signal: AbortSignal): Promise<string> {
  return readText(response.body, mayBeJson(response) ? maxJsonBytes : maxRefusalBytes, signal);
}

function judgeAnswer(response: OutboundResponse, text: string): JsonObject {
  const body = mayBeJson(response) ? parseObject(text) : undefined;
  if (body !== undefined && !isRefusal(body, response)) return body;
  throw classifyBody(text, contentType(response), factsOf(response));
}

function mayBeJson(response: OutboundResponse): boolean {
  return response.status < 300 && contentType(response).includes("json");
}

/** The shape decides; where a body says neither success nor refusal, the actual status does. */
function isRefusal(body: JsonObject, response: OutboundResponse): boolean {
  if (body["success"] === false || body["error"] != null || "ret" in body) return true;
  if (body["success"] === true) return false;
  // `{"code":"RateLimited","detail":…}`, as seen in 2026-04.
  return factsOf(response).status >= 400 || (typeof body["code"] === "string" && !("data" in body));
}

function factsOf(response: OutboundResponse): { status: number; retryAfterMs: number | undefined } {
  const actual = Number(response.headers.get("x-actual-status-code"));
  return {
    status: actual >= 100 ? actual : response.status,
    retryAfterMs: readRetryAfter(response.headers.get("retry-after")),
  };
}

/** Seconds, or a date as proxies write it. */
function readRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const seconds = Number(value);
  const delayMs = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000;
  return delayMs > 0 && delayMs <= longestLimitMs ? delayMs : undefined;
}

function contentType(response: OutboundResponse): string {
  return (response.headers.get("content-type") ?? "").toLowerCase();
}

type Headers = Readonly<Record<string, string>>;

interface LastingHeaders {
  readonly ofCompletions: Headers;
  readonly ofCalls: Headers;
}

/** The plain headers of a client, then whatever the account's user captured. Nothing is made up. */
function createLastingHeaders({ baseUrl, userAgent }: ClientOptions): (account: Account) => LastingHeaders {
  /** Of each account: it is another object as soon as anything of it has changed. */
  const made = new WeakMap<Account, LastingHeaders>();

  function make(account: Account): LastingHeaders {
    const all: Record<string, string> = {
      accept: "application/json",
      "content-type": "application/json",
      "accept-encoding": "identity",
      "user-agent": userAgent,
      origin: baseUrl,
      source: "web",
      ...account.headers,
    };
    if (account.token !== undefined) all["authorization"] = `Bearer ${account.token}`;
    if (account.cookies !== undefined) all["cookie"] = account.cookies;
    // A stale `version` on `chats/new` is answered like a dead session (2026-09), so only completions carry it.
    const { version: _left, ...withoutVersion } = all;
    return {
      ofCompletions: { ...all, "x-accel-buffering": "no" },
      ofCalls: { ...withoutVersion, accept: "application/json, text/plain, */*" },
    };
  }

  return (account) => {
    let headers = made.get(account);
    if (headers === undefined) {
      headers = make(account);
      made.set(account, headers);
    }
    return headers;
  };
}

/** As a browser tells it, to the second: working it out costs more than all other headers. */
function createTimezone(): (nowMs: number) => string {
  let second = Number.NaN;
  let text = "";
  return (nowMs) => {
    const now = Math.floor(nowMs / 1000);
    if (now !== second) text = new Date(nowMs).toString().replace(/ \(.*/, "");
    second = now;
    return text;
  };
}
