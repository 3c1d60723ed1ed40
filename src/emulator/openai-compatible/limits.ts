// Requests, tokens and parallel replies of each key, counted over the last minute as the services do it.

import type { Clock } from "../../contract/clock.ts";
import type { AnsweredName } from "./script.ts";

/** Each for one key. Undefined: no limit. */
export interface LimitOptions {
  requestsPerMinute?: number;
  tokensPerMinute?: number;
  concurrent?: number;
}

export interface Overstep {
  readonly name: AnsweredName;
  readonly retryAfterSeconds: number;
}

export interface Limits {
  /** Counts the request, unless it oversteps. */
  admit(key: string, tokens: number): Overstep | undefined;
  /** A request that was admitted has ended. */
  leave(key: string): void;
  /** Tokens of the answer. */
  spend(key: string, tokens: number): void;
  headers(key: string, style: "none" | "openai" | "modelscope"): Record<string, string>;
  clear(): void;
}

const minuteMs = 60_000;

interface Spent {
  readonly atMs: number;
  readonly requests: number;
  readonly tokens: number;
}

export function createLimits(limits: LimitOptions, clock: Clock): Limits {
  const spentByKey = new Map<string, Spent[]>();
  const running = new Map<string, number>();

  function recent(key: string): Spent[] {
    const kept = (spentByKey.get(key) ?? []).filter(({ atMs }) => clock() - atMs < minuteMs);
    spentByKey.set(key, kept);
    return kept;
  }

  const sum = (spent: readonly Spent[], of: "requests" | "tokens"): number =>
    spent.reduce((total, entry) => total + entry[of], 0);

  /** Until the oldest of what counts is a minute old. */
  function retryAfter(spent: readonly Spent[]): number {
    const oldest = spent[0]?.atMs ?? clock();
    return Math.max(1, Math.ceil((oldest + minuteMs - clock()) / 1000));
  }

  return {
    admit(key, tokens) {
      const spent = recent(key);
      if ((running.get(key) ?? 0) >= (limits.concurrent ?? Number.POSITIVE_INFINITY)) {
        return { name: "concurrency-limited", retryAfterSeconds: 1 };
      }
      if (sum(spent, "requests") >= (limits.requestsPerMinute ?? Number.POSITIVE_INFINITY)) {
        return { name: "rate-limited", retryAfterSeconds: retryAfter(spent) };
      }
      if (sum(spent, "tokens") + tokens > (limits.tokensPerMinute ?? Number.POSITIVE_INFINITY)) {
        return { name: "token-limited", retryAfterSeconds: retryAfter(spent) };
      }
      spent.push({ atMs: clock(), requests: 1, tokens });
      running.set(key, (running.get(key) ?? 0) + 1);
      return undefined;
    },
    leave(key) {
      running.set(key, Math.max(0, (running.get(key) ?? 0) - 1));
    },
    spend(key, tokens) {
      recent(key).push({ atMs: clock(), requests: 0, tokens });
    },
    headers(key, style) {
      const spent = recent(key);
      const resetSeconds = spent.length === 0 ? 0 : retryAfter(spent);
      return headersOf(limits, { requests: sum(spent, "requests"), tokens: sum(spent, "tokens"), resetSeconds }, style);
    },
    clear() {
      spentByKey.clear();
      running.clear();
    },
  };
}

function headersOf(
  { requestsPerMinute: requests, tokensPerMinute: tokens }: LimitOptions,
  spent: { readonly requests: number; readonly tokens: number; readonly resetSeconds: number },
  style: "none" | "openai" | "modelscope",
): Record<string, string> {
  const requestsLeft = Math.max(0, (requests ?? 0) - spent.requests);
  const tokensLeft = Math.max(0, (tokens ?? 0) - spent.tokens);
  const reset = `${spent.resetSeconds}s`;
  if (style === "openai") {
    return {
      ...openAiHeaders("requests", requests, requestsLeft, reset),
      ...openAiHeaders("tokens", tokens, tokensLeft, reset),
    };
  }
  if (style !== "modelscope" || requests === undefined) return {};
  // As clients read them (2025-09 to 2026-08); both count a day there.
  return {
    "modelscope-ratelimit-requests-limit": String(requests),
    "modelscope-ratelimit-requests-remaining": String(requestsLeft),
    "modelscope-ratelimit-model-requests-limit": String(requests),
    "modelscope-ratelimit-model-requests-remaining": String(requestsLeft),
  };
}

/** @see https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers */
function openAiHeaders(of: string, limit: number | undefined, left: number, reset: string): Record<string, string> {
  if (limit === undefined) return {};
  return {
    [`x-ratelimit-limit-${of}`]: String(limit),
    [`x-ratelimit-remaining-${of}`]: String(left),
    [`x-ratelimit-reset-${of}`]: reset,
  };
}
