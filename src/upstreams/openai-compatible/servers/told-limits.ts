// What an answer tells of its server's limits: headers of the OpenAI family, and refusals for a rate.

import type { ToldAllowance, ToldLimits } from "../../../contract/limits.ts";
import type { ResponseHeaders } from "../../../outbound/http-client.ts";
import { meanings, type UpstreamRefusal } from "../refusals/refusal.ts";

type Unit = "requests" | "tokens";
type Field = "limit" | "remaining" | "reset";

/**
 * OpenAI, vLLM behind proxies, LiteLLM: `x-ratelimit-remaining-requests`, `-tokens`; the draft of the IETF: `ratelimit-remaining`.
 * None is documented for DashScope (2026-10). ModelScope tells a day's rest and no time when that ends
 * (`modelscope-ratelimit-requests-remaining`, 2026-09), so that nothing follows from it.
 */
const names: Readonly<Record<Unit, Readonly<Record<Field, readonly string[]>>>> = {
  requests: {
    limit: ["x-ratelimit-limit-requests", "ratelimit-limit", "x-ratelimit-limit"],
    remaining: ["x-ratelimit-remaining-requests", "ratelimit-remaining", "x-ratelimit-remaining"],
    reset: ["x-ratelimit-reset-requests", "ratelimit-reset", "x-ratelimit-reset"],
  },
  tokens: {
    limit: ["x-ratelimit-limit-tokens"],
    remaining: ["x-ratelimit-remaining-tokens"],
    reset: ["x-ratelimit-reset-tokens"],
  },
};

/** A longer time is a day's quota or a clock that is wrong: its end is told by a refusal. */
const longestResetMs = 60 * 60_000;
/** Numbers from here on are points in time, in seconds. */
export const firstEpochSeconds = 1_000_000_000;

const nothingTold: ToldLimits = {};

export function readToldLimits(headers: ResponseHeaders, nowMs: number): ToldLimits {
  const requests = readAllowance(headers, "requests", nowMs);
  const tokens = readAllowance(headers, "tokens", nowMs);
  if (requests === undefined && tokens === undefined) return nothingTold;
  return { ...(requests === undefined ? {} : { requests }), ...(tokens === undefined ? {} : { tokens }) };
}

/** What a refusal says for those who wait in line. @param mostPauseMs 0 where another key than the refused one could serve them */
export function limitsOfRefusal(refusal: UpstreamRefusal, mostPauseMs: number): ToldLimits {
  switch (refusal.reason) {
    case "rate":
    case "burst":
    case "quota-transient": {
      const askedMs = refusal.retryAfterMs ?? meanings[refusal.reason].retryAfterMs ?? 0;
      return { tooSudden: true, pauseMs: Math.min(askedMs, mostPauseMs) };
    }
    case "concurrency":
      return { tooMany: true };
    default:
      return {};
  }
}

function readAllowance(headers: ResponseHeaders, unit: Unit, nowMs: number): ToldAllowance | undefined {
  const remaining = readCount(firstOf(headers, names[unit].remaining));
  // Most servers tell nothing.
  if (remaining === undefined) return undefined;
  const resetMs = readReset(firstOf(headers, names[unit].reset), nowMs);
  if (resetMs === undefined || resetMs > longestResetMs) return undefined;
  const limit = readCount(firstOf(headers, names[unit].limit));
  return limit === undefined || limit === 0 ? { remaining, resetMs } : { remaining, resetMs, limit };
}

function firstOf(headers: ResponseHeaders, fields: readonly string[]): string | undefined {
  for (const field of fields) {
    const value = headers.get(field);
    if (value !== null) return value;
  }
  return undefined;
}

/** The draft may add its windows behind a comma or a semicolon: `100, 100;w=60`. */
function readCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const digits = /^\s*(\d+)/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Seconds, a point in time in seconds, or a duration such as `6m0s`, `1.5s` and `120ms`. */
function readReset(text: string | undefined, nowMs: number): number | undefined {
  const value = text?.trim() ?? "";
  if (/^\d+(?:\.\d+)?$/.test(value)) {
    const seconds = Number(value);
    return seconds < firstEpochSeconds ? seconds * 1000 : Math.max(seconds * 1000 - nowMs, 0);
  }
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(value)) return undefined;
  let resetMs = 0;
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    resetMs += Number(amount) * (unitMs[unit ?? ""] ?? 0);
  }
  return resetMs;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
