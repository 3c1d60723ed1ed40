// What a caller hears who has used all that he may.

import { GatewayError } from "../../contract/gateway-error.ts";

/** Whose limit it is. */
export type LimitedWhom = "key" | "session";

const owner = { key: "this caller", session: "this session" } as const;
const retryReplyMs = 1000;

export function tooManyRequests(limit: number, waitMs: number, whom: LimitedWhom): GatewayError {
  return new GatewayError(
    "rate-limited",
    `Cannot take this request: ${owner[whom]} may send ${limit} a minute. Send it again in ${describe(waitMs)}`,
    { retryAfterMs: waitMs },
  );
}

/** @param name such as "tokens a minute"; dollars come in millionths */
export function tooMuch(name: string, limit: number, waitMs: number): GatewayError {
  const amount = name.startsWith("dollars") ? limit / 1e6 : limit;
  return new GatewayError(
    "rate-limited",
    `Cannot take this request: this caller has used up ${amount} ${name}. Send it again in ${describe(waitMs)}`,
    { retryAfterMs: waitMs },
  );
}

export function tooManyReplies(limit: number, whom: LimitedWhom): GatewayError {
  return new GatewayError(
    "rate-limited",
    `Cannot take this request: ${limit} replies run for ${owner[whom]}, and no more may at a time. Send it again when one has ended`,
    { retryAfterMs: retryReplyMs },
  );
}

function describe(waitMs: number): string {
  const seconds = Math.ceil(waitMs / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}
