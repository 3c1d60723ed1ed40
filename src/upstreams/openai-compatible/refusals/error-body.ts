// What an error says, read out of every shape that servers write. Decides nothing: that is errors.ts.

import { isJsonObject, type JsonObject } from "../../../contract/json.ts";
import { parseFirstEvent, parseObject } from "../../parse-object.ts";

/** Lower case throughout: rows compare without case. "" where nothing was said. */
export interface ErrorText {
  readonly code: string;
  readonly type: string;
  readonly text: string;
  /** The field that is wrong, as the server spells it. */
  readonly param: string;
  /** What the body itself says the status is (`code` of vLLM, SGLang and llama.cpp; a comment of DashScope's native form). */
  readonly status: number | undefined;
  /** Numbers that llama.cpp sends along (2025-12). */
  readonly promptTokens: number | undefined;
  readonly contextTokens: number | undefined;
}

const nothing: ErrorText = {
  code: "",
  type: "",
  text: "",
  param: "",
  status: undefined,
  promptTokens: undefined,
  contextTokens: undefined,
};

/** Longer bodies are pages, not messages. */
const maxTextChars = 4000;

/** A body that is no event stream by its content type; it may be framed as one all the same. */
export function readErrorBody(body: string): ErrorText {
  const object = parseObject(body) ?? parseFirstEvent(body);
  if (object !== undefined) return { ...readErrorObject(object), ...statusComment(body) };
  return { ...nothing, text: isPage(body) ? "" : withoutQuotes(body.trim()).slice(0, maxTextChars).toLowerCase() };
}

/** Undefined: the event is no error. `isErrorEvent`: the stream itself says that it is one. */
export function readStreamError(event: JsonObject, isErrorEvent: boolean): ErrorText | undefined {
  const { error, choices } = event;
  if (isJsonObject(error) || (typeof error === "string" && error !== "")) return readErrorObject(event);
  if (isErrorEvent || event["object"] === "error" || event["type"] === "error") return readErrorObject(event);
  return choices === undefined && isBareError(event) ? readErrorObject(event) : undefined;
}

/**
 * DashScope's throttling of the Responses form has no type (a client of 2026-09 guards against it); some proxies do the
 * same, or tell nothing but a sentence. ModelScope writes `errors` (2025).
 */
function isBareError(event: JsonObject): boolean {
  if (firstObject(event["errors"]) !== undefined) return true;
  if (typeof event["message"] === "string" && event["code"] !== undefined) return true;
  return textIn(event) !== undefined && Object.keys(event).every((name) => loneFields.has(name));
}

const loneFields: ReadonlySet<string> = new Set(["message", "msg", "detail", "error_msg", "request_id"]);

/** Whether a JSON answer under status 200 is an error after all. */
export function isErrorAnswer(body: JsonObject): boolean {
  return readStreamError(body, false) !== undefined || hasErrors(body["errors"]);
}

/** Nothing, or a list of none, beside an answer is no error. */
function hasErrors(errors: unknown): boolean {
  return errors != null && !(Array.isArray(errors) && errors.length === 0);
}

export function readErrorObject(body: JsonObject): ErrorText {
  const nested = firstObject(body["error"], body["errors"]);
  const source = nested ?? body;
  const plain = typeof body["error"] === "string" ? body["error"] : undefined;
  const text = withoutQuotes(textIn(source) ?? plain ?? textIn(body) ?? "");
  const inner = readInner(text);
  const code = source["code"] ?? body["code"];
  // Of an object `Number` would ask its own fields.
  const status = typeof code === "object" ? Number.NaN : Number(code);
  return {
    code: lower(code),
    type: lower(source["type"] ?? source["object"] ?? body["type"]),
    text: (inner ?? text).slice(0, maxTextChars).toLowerCase(),
    param: lower(source["param"]),
    status: Number.isInteger(status) && status >= 400 && status <= 599 ? status : undefined,
    promptTokens: count(source["n_prompt_tokens"]),
    contextTokens: count(source["n_ctx"]),
  };
}

/** Pydantic quotes what it refuses (vLLM, SGLang, Fireworks): words of the client's, which would be taken for the server's reasons. */
function withoutQuotes(text: string): string {
  return text
    .replace(/input_value=[\s\S]*?(?=, input_type=|$)/g, "")
    .replace(/, (?:['"]input['"]|value): [\s\S]*$/, "");
}

function firstObject(...values: readonly unknown[]): JsonObject | undefined {
  for (const value of values) {
    if (isJsonObject(value)) return value;
    if (Array.isArray(value) && isJsonObject(value[0])) return value[0];
  }
  return undefined;
}

/** `detail` is FastAPI's: a text, or a list of what is wrong. */
function textIn(source: JsonObject): string | undefined {
  for (const key of ["message", "msg", "detail", "error_msg"]) {
    const value = source[key];
    if (typeof value === "string" && value !== "") return value;
    if (Array.isArray(value) && isJsonObject(value[0]) && typeof value[0]["msg"] === "string") return toldAt(value[0]);
  }
  return undefined;
}

function toldAt({ loc, msg }: JsonObject): string {
  return Array.isArray(loc) && loc.length > 0 ? `${loc.join(".")}: ${String(msg)}` : String(msg);
}

/** The Anthropic form of DashScope hides the true text in JSON inside `message` (2026-09). */
function readInner(text: string): string | undefined {
  const inner = text.startsWith("{") ? parseObject(text) : undefined;
  return inner === undefined ? undefined : (textIn(inner) ?? textIn(firstObject(inner["error"]) ?? {}));
}

/** `:HTTP_STATUS/429` of the native form. */
export function statusComment(text: string): { status?: number } {
  const status = /HTTP_STATUS\/([45]\d\d)/.exec(text)?.[1];
  return status === undefined ? {} : { status: Number(status) };
}

export function isPage(body: string): boolean {
  return /^\s*</.test(body);
}

function lower(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value).toLowerCase() : "";
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
