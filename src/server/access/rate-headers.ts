// What is left of a caller's limits, in the headers that clients of each protocol know.

import type { Allowance, Allowances } from "../../gateway/quotas/allowances.ts";

/** @see https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers */
export function openaiRateHeaders({ requests, tokens }: Allowances): Record<string, string> {
  return { ...openaiHeadersOf("requests", requests), ...openaiHeadersOf("tokens", tokens) };
}

function openaiHeadersOf(name: string, allowance: Allowance | undefined): Record<string, string> {
  if (allowance === undefined) return {};
  return {
    [`x-ratelimit-limit-${name}`]: String(allowance.limit),
    [`x-ratelimit-remaining-${name}`]: String(allowance.remaining),
    [`x-ratelimit-reset-${name}`]: describeSpan(allowance.resetMs),
  };
}

/** @see https://docs.anthropic.com/en/api/rate-limits#response-headers */
export function anthropicRateHeaders({ requests, tokens }: Allowances, nowMs: number): Record<string, string> {
  return { ...anthropicHeadersOf("requests", requests, nowMs), ...anthropicHeadersOf("tokens", tokens, nowMs) };
}

function anthropicHeadersOf(name: string, allowance: Allowance | undefined, nowMs: number): Record<string, string> {
  if (allowance === undefined) return {};
  const start = `anthropic-ratelimit-${name}`;
  return {
    [`${start}-limit`]: String(allowance.limit),
    [`${start}-remaining`]: String(allowance.remaining),
    [`${start}-reset`]: new Date(nowMs + allowance.resetMs).toISOString(),
  };
}

/** As OpenAI writes it: 12ms, 1.5s, 6m0s, 23h0m0s. */
function describeSpan(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  if (ms < 60_000) return `${Math.ceil(ms / 100) / 10}s`;
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours === 0 ? "" : `${hours}h`}${minutes}m${seconds % 60}s`;
}

export const rateHeaderNames: readonly string[] = ["requests", "tokens"].flatMap((name) => [
  ...["limit", "remaining", "reset"].map((part) => `x-ratelimit-${part}-${name}`),
  ...["limit", "remaining", "reset"].map((part) => `anthropic-ratelimit-${name}-${part}`),
]);
