// The calls of the Qwen web backend, one function each: headers, body, and a classified error for every refusal.

import type { ByteSource } from "../../contract/byte-source.ts";
import type { Account } from "../../credentials/account.ts";
import { type HttpClient, type OutboundResponse, readText } from "../../outbound/http-client.ts";
import type { QwenChatType, QwenCompletionBody } from "../../wire/qwen-web.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { classifyBody, parseObject } from "./errors.ts";
import type { MessageContent } from "./message-text.ts";
import { createNewChatBody, encodeCompletionBody } from "./request-body.ts";

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
  { readonly type: "stream"; readonly body: ByteSource } | { readonly type: "json"; readonly body: JsonObject };

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
  deleteChat(account: Account, chatId: string, signal: AbortSignal): Promise<void>;
  /** The chat as the backend keeps it, with all its nodes; unchecked. */
  readChat(account: Account, chatId: string, signal: AbortSignal): Promise<JsonObject>;
  /** Leave to put one file into the backend's storage; unchecked. */
  getUploadToken(account: Account, name: string, sizeBytes: number, signal: AbortSignal): Promise<JsonObject>;
  /** Lets the backend read a document that was uploaded. */
  parseFile(account: Account, fileId: string, signal: AbortSignal): Promise<void>;
  /** How far it is: "success" at the end. Undefined when it does not say. */
  parseStatus(account: Account, fileId: string, signal: AbortSignal): Promise<string | undefined>;
  /** Reads something that only the account may read, and that changes nothing. @throws {GatewayError} when it is refused */
  checkAccount(account: Account, signal: AbortSignal): Promise<void>;
  /** The entries of the model list, unchecked. */
  listModels(account: Account, signal: AbortSignal): Promise<readonly unknown[]>;
}

const maxJsonBytes = 16 * 1024 * 1024;
const maxRefusalBytes = 64 * 1024;

export function createQwenWebClient(options: ClientOptions): QwenWebClient {
  const { http, baseUrl } = options;
  const outgoingHeaders = createHeaders(options);

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
      headers: outgoingHeaders(account, { accept: "application/json, text/plain, */*", withVersion: false }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
    const answer = await readAnswer(response, signal);
    tellCookies(account, response);
    return answer;
  }

  /** Those of refusals are not taken: a firewall or an error page has no say in a session. */
  function tellCookies(account: Account, response: OutboundResponse): void {
    const lines = options.onSetCookies === undefined ? [] : response.headers.getSetCookie();
    if (lines.length > 0) options.onSetCookies?.(account, lines);
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
          ...outgoingHeaders(account, { accept: "application/json", withVersion: true }),
          "x-accel-buffering": "no",
          referer: `${baseUrl}/c/${body.chat_id}`,
        },
        body: encodeCompletionBody(body),
        signal,
      });
      const accepted = await acceptCompletion(response, signal);
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
      await requestJson(account, "DELETE", `/api/v2/chats/${encodeURIComponent(chatId)}`, undefined, signal);
    },

    async readChat(account, chatId, signal) {
      const path = `/api/v2/chats/${encodeURIComponent(chatId)}`;
      const { data } = await requestJson(account, "GET", path, undefined, signal);
      if (!isJsonObject(data)) throw classifyBody("{}", "application/json", noFacts);
      return data;
    },

    async getUploadToken(account, name, sizeBytes, signal) {
      const file = { filename: name, filesize: sizeBytes, filetype: "file" };
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

/** @throws {GatewayError} when the answer is a refusal, whatever its status says */
export async function acceptCompletion(response: OutboundResponse, signal: AbortSignal): Promise<AcceptedCompletion> {
  if (response.status < 300 && contentType(response).includes("text/event-stream")) {
    return { type: "stream", body: response.body };
  }
  return { type: "json", body: await readAnswer(response, signal) };
}

const noFacts = { status: 502, retryAfterMs: undefined };

/** @throws {GatewayError} classified, unless the body is JSON that does not say `success: false` */
export async function readAnswer(response: OutboundResponse, signal: AbortSignal): Promise<JsonObject> {
  const type = contentType(response);
  const isAccepted = response.status < 300 && type.includes("json");
  const text = await readText(response.body, isAccepted ? maxJsonBytes : maxRefusalBytes, signal);
  const body = isAccepted ? parseObject(text) : undefined;
  const facts = factsOf(response);
  if (body === undefined || isRefusal(body, facts.status)) throw classifyBody(text, type, facts);
  return body;
}

/** The shape decides; where a body says neither success nor refusal, the actual status does. */
function isRefusal(body: JsonObject, actualStatus: number): boolean {
  if (body["success"] === false || body["error"] != null || "ret" in body) return true;
  if (body["success"] === true) return false;
  // `{"code":"RateLimited","detail":…}`, as seen in 2026-04.
  return actualStatus >= 400 || (typeof body["code"] === "string" && !("data" in body));
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
  return delayMs > 0 ? delayMs : undefined;
}

function contentType(response: OutboundResponse): string {
  return (response.headers.get("content-type") ?? "").toLowerCase();
}

interface HeaderOptions {
  readonly accept: string;
  /** A stale `version` on `chats/new` is answered like a dead session (2026-09), so only completions carry it. */
  readonly withVersion: boolean;
}

type LastingHeaders = Readonly<Record<string, string>>;
type WriteHeaders = (account: Account, options: HeaderOptions) => Record<string, string>;

/** The plain headers of a client, then whatever the account's user captured. Nothing is made up. */
function createHeaders({ baseUrl, userAgent, clock }: ClientOptions): WriteHeaders {
  /** What is the same for all requests of an account: it is another object as soon as anything of it has changed. */
  const lasting = new WeakMap<Account, { readonly all: LastingHeaders; readonly withoutVersion: LastingHeaders }>();
  const timezone = createTimezone();

  function lastingOf(account: Account) {
    const known = lasting.get(account);
    if (known !== undefined) return known;
    const all: Record<string, string> = { ...account.headers };
    if (account.token !== undefined) all["authorization"] = `Bearer ${account.token}`;
    if (account.cookies !== undefined) all["cookie"] = account.cookies;
    const { version: _left, ...withoutVersion } = all;
    const made = { all, withoutVersion };
    lasting.set(account, made);
    return made;
  }

  return (account, { accept, withVersion }) => {
    const { all, withoutVersion } = lastingOf(account);
    return {
      accept,
      "content-type": "application/json",
      "accept-encoding": "identity",
      "user-agent": userAgent,
      "x-request-id": crypto.randomUUID(),
      origin: baseUrl,
      referer: `${baseUrl}/`,
      source: "web",
      timezone: timezone(clock()),
      ...(withVersion ? all : withoutVersion),
    };
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
