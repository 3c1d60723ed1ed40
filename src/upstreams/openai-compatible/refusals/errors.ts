// Refusals to GatewayErrors, by content type, body and status, in that order. HTTP 200 means little: errors come inside it.

import { contextTooLong } from "../../../contract/context-too-long.ts";
import type { JsonObject } from "../../../contract/json.ts";
import type { ResponseHeaders } from "../../../outbound/http-client.ts";
import { type ErrorText, isPage, readErrorBody, readErrorObject, readStreamError } from "./error-body.ts";
import { meanings, type RefusalReason, type ToldLengths, UpstreamRefusal } from "./refusal.ts";
import { commonRows, type RefusalFacts, type RefusalRow } from "./refusal-rows.ts";
import { tellWait } from "../../tell-wait.ts";
import { firstEpochSeconds } from "../servers/told-limits.ts";

/** Who refused. */
export interface RefusalSource {
  /** The upstream's name in the configuration. */
  readonly upstream: string;
  /** What the server is called in sentences. */
  readonly displayName: string;
  /** Read before the common rows. */
  readonly rows: readonly RefusalRow[];
}

export interface AnswerFacts {
  readonly status: number;
  /** Lower case; "" without one. */
  readonly contentType: string;
  readonly retryAfterMs: number | undefined;
}

/** What the client reads: after the server's name. Nothing of the server's own words, which may quote the prompt. */
const sentences: Readonly<Record<Exclude<RefusalReason, "context">, string>> = {
  auth: "refused the key: check that it is right, and of the same region and plan as the address",
  permission: "does not let this key use the model: choose another model, or give the key the right to it",
  billing: "serves this key no more until its bill is paid: see its console, or use another key",
  "quota-hard": "has used up the quota of this key: see its console, or use another key",
  "quota-transient": "takes no more tokens of this key within this minute: try again in a moment",
  rate: "takes no more requests of this key right now: try again in a moment",
  burst: "was sent more requests all at once than it takes: try again in a moment, and begin more slowly",
  concurrency: "answers as many requests of this key at a time as it may: try again in a moment",
  filter: "refused the content: its safety check stopped this message or its answer",
  model: "does not offer this model: GET /v1/models lists those that exist",
  "not-offered": "does not do this with its model: choose another model, or start the server for it",
  request: "refused the request as invalid: the gateway's log has its reason",
  size: "refused the request: its body has too many bytes",
  timeout: "took too long to answer: try again",
  loading: "still loads the model: try again in a moment",
  "tool-parse": "could not read the tool call that its model wrote: try again",
  "not-an-api": "answered with something that is not a chat completion: check its base URL, and any proxy in between",
  aborted: "gave up its answer: try again",
  server: "failed to answer this request: try again",
};

/** Classifies a whole answer that is no reply. */
export function classifyAnswer(body: string, facts: AnswerFacts, source: RefusalSource): UpstreamRefusal {
  const text = readErrorBody(body);
  const isForeign = isPage(body) || facts.contentType.includes("text/html");
  // A page under a good status is a firewall's or a login's, and so is one that forbids (Cloudflare's): it knows of no key. Under
  // another one it is a proxy's, and its status counts.
  if (isForeign && (facts.status < 400 || facts.status === 403))
    return refuse("not-an-api", { ...text, httpStatus: facts.status }, {}, source);
  if (facts.status < 400 && text.text === "" && text.code === "") {
    return refuse("not-an-api", { ...text, httpStatus: facts.status }, {}, source);
  }
  return classify({ ...text, httpStatus: facts.status }, facts.retryAfterMs, source);
}

/** Classifies an event; undefined when it is no error. @param event its text, where it is no object */
export function classifyEvent(
  event: JsonObject | string,
  isErrorEvent: boolean,
  status: number | undefined,
  source: RefusalSource,
): UpstreamRefusal | undefined {
  if (typeof event === "string") return isErrorEvent && event !== "" ? classifyText(event, source) : undefined;
  const text = readStreamError(event, isErrorEvent);
  if (text === undefined) return undefined;
  return classify({ ...text, httpStatus: text.status ?? status ?? 200 }, undefined, source);
}

/** Classifies an error that came as text, in the place of an answer. */
export function classifyText(text: string, source: RefusalSource): UpstreamRefusal {
  return classify({ ...readErrorObject({ message: text }), httpStatus: 200 }, undefined, source);
}

/** For what the gateway itself finds wrong about an answer. */
export function refusalOf(reason: RefusalReason, message: string, source: RefusalSource): UpstreamRefusal {
  return new UpstreamRefusal(reason, `${source.displayName} ${message}`, { upstream: source.upstream });
}

function classify(facts: RefusalFacts, retryAfterMs: number | undefined, source: RefusalSource): UpstreamRefusal {
  // The last common row holds for everything.
  const row = [...source.rows, ...commonRows].find((candidate) => candidate.when(facts)) ?? commonRows.at(-1)!;
  const told = retryAfterMs ?? row.retryAfterMs;
  return refuse(row.reason, facts, { ...row, ...(told === undefined ? {} : { retryAfterMs: told }) }, source);
}

function refuse(
  reason: RefusalReason,
  facts: RefusalFacts,
  row: Partial<RefusalRow>,
  source: RefusalSource,
): UpstreamRefusal {
  const limits = readLimits(facts);
  const retryAfterMs = row.retryAfterMs ?? meanings[reason].retryAfterMs;
  const param = row.param ?? paramOf(reason, facts.param);
  const { upstream, displayName } = source;
  const status = facts.status ?? facts.httpStatus;
  return new UpstreamRefusal(reason, tellWait(sentence(reason, row, limits, param, displayName), retryAfterMs), {
    upstream,
    told: facts.text,
    limits,
    cause: new Error(`${displayName} answered ${status} ${facts.code} ${facts.type}: ${facts.text.slice(0, 500)}`),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(param === undefined ? {} : { param }),
  });
}

function sentence(
  reason: RefusalReason,
  row: Partial<RefusalRow>,
  limits: ToldLengths,
  param: string | undefined,
  displayName: string,
): string {
  if (reason === "context") return contextTooLong(limits);
  if (row.message === undefined && reason === "request" && param !== undefined) {
    return `${displayName} refused "${param}" as invalid: the gateway's log has its reason`;
  }
  return `${displayName} ${row.message ?? sentences[reason]}`;
}

/** Only what looks like the name of a field: servers put values there, too. */
function paramOf(reason: RefusalReason, param: string): string | undefined {
  if (reason === "model" || reason === "not-offered") return "model";
  if (reason !== "request") return undefined;
  return /^[a-z_][a-z0-9_.[\]]{0,80}$/.test(param) ? param : undefined;
}

/**
 * Numbers in the sentences of vLLM, SGLang, llama.cpp, LM Studio, OpenAI, DashScope, text-generation-inference, TensorRT-LLM,
 * SiliconFlow and Groq (sources and trackers, 2025-04 to 2026-11). DashScope's range and vLLM's "maximum input length" are the prompt's alone.
 */
const contextPatterns = [
  /context length (?:is|of) (?:only )?(\d+)/,
  /context length \((\d+) tokens/,
  /context size \((\d+) tokens/,
  /maximum model length of (\d+)/,
  /n_ctx: (\d+)/,
  /max_(?:seq_len|num_tokens) \((\d+)\)/,
  /`max_new_tokens` must be <= (\d+)/,
];
const mostPromptPatterns = [
  /range of input length should be \[\d+, ?(\d+)\]/,
  /maximum input length of (\d+)/,
  /prompt is too long: \d+ tokens > (\d+) maximum/,
  /`inputs` must have less than (\d+) tokens/,
];
const promptPatterns = [
  /passed (\d+) input tokens/,
  /input \((\d+) tokens/,
  /request \((\d+) tokens/,
  /request has (\d+) input tokens/,
  /resulted in (\d+) tokens/,
  /(\d+) (?:tokens )?(?:in the messages|in your prompt|from the input messages)/,
  /prompt \(length (\d+)\)/,
  /prompt is too long: (\d+) tokens/,
  /n_keep: (\d+)/,
  /prompt_tokens \((\d+)\)/,
  /prompt length \((\d+)/,
  /\. given: (\d+)/,
];
const outputPatterns = [
  /range of max_(?:completion_)?tokens should be \[\d+, ?(\d+)\]/,
  /max_(?:completion_)?tokens`? must be less than or equal to `?(\d+)/,
  // OpenRouter, of what is left of the credit.
  /fewer max_tokens.* can only afford (\d+)/,
];

function readLimits({ text, contextTokens, promptTokens }: ErrorText): ToldLengths {
  const context = contextTokens ?? firstNumber(text, contextPatterns);
  const prompt = promptTokens ?? firstNumber(text, promptPatterns);
  const mostPrompt = firstNumber(text, mostPromptPatterns);
  const output = firstNumber(text, outputPatterns);
  return {
    ...(context === undefined ? {} : { contextTokens: context }),
    ...(prompt === undefined ? {} : { promptTokens: prompt }),
    ...(mostPrompt === undefined ? {} : { maxPromptTokens: mostPrompt }),
    ...(output === undefined ? {} : { maxOutputTokens: output }),
  };
}

function firstNumber(text: string, patterns: readonly RegExp[]): number | undefined {
  for (const pattern of patterns) {
    const found = pattern.exec(text)?.[1];
    if (found !== undefined) return Number(found);
  }
  return undefined;
}

/** What is refused for longer is asked once a day: mostly another unit was meant. */
const longestRetryAfterMs = 24 * 3_600_000;

/** Seconds, a point in time in seconds, or a date as proxies write it; a day at most. */
export function readRetryAfter(headers: ResponseHeaders, nowMs: number): number | undefined {
  const inMs = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (inMs > 0) return Math.min(inMs, longestRetryAfterMs);
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const seconds = Number(value);
  const fromSeconds = seconds < firstEpochSeconds ? seconds * 1000 : seconds * 1000 - nowMs;
  const delayMs = Number.isNaN(seconds) ? Date.parse(value) - nowMs : fromSeconds;
  return delayMs > 0 ? Math.min(delayMs, longestRetryAfterMs) : undefined;
}
