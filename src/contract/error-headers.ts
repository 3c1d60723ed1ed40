// The headers of an error answer: whether, when and with what to ask again.

import type { GatewayError } from "./gateway-error.ts";

/** Longest `retry-after` that is sent: an SDK sleeps for whatever it is told, silently. The message tells the true time. */
export const maxRetryAfterSeconds = 60;

export function errorHeaders(error: GatewayError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.retryAfterMs !== undefined) {
    const seconds = Math.ceil(error.retryAfterMs / 1000);
    headers["retry-after"] = String(Math.min(Math.max(seconds, 1), maxRetryAfterSeconds));
  }
  if (error.kind === "unauthenticated") headers["www-authenticate"] = "Bearer";
  if (isRepetitionUseless(error)) headers["x-should-retry"] = "false";
  return headers;
}

/** A person has to act, the wait is longer than any client should sleep, or all time for it was spent here. */
function isRepetitionUseless(error: GatewayError): boolean {
  if (error.final) return true;
  switch (error.kind) {
    case "upstream-challenge":
    case "upstream-auth":
    // Clients ask again after any 5xx (openai-node 7.55).
    case "not-served":
      return true;
    case "upstream-quota":
    case "rate-limited":
      return error.retryAfterMs !== undefined && error.retryAfterMs > maxRetryAfterSeconds * 1000;
    default:
      return false;
  }
}
