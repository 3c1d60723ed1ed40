// How an attempt may end that nobody else tells of.

import { GatewayError } from "../../contract/gateway-error.ts";

export function connectionBroke(cause: unknown): GatewayError {
  return new GatewayError(
    "upstream-failed",
    "The connection to Qwen broke off before the answer was complete: send the message again",
    { cause, retryable: true },
  );
}

export function emptyAnswer(): GatewayError {
  return new GatewayError("upstream-failed", "Qwen's answer was empty: send the message again", { retryable: true });
}

/** Nobody reads it: the client is gone. */
export function clientLeft(): GatewayError {
  return new GatewayError("internal", "The client left before the answer began");
}

export function clientStalled(): GatewayError {
  return new GatewayError("internal", "The client stopped reading: the answer was cut");
}
