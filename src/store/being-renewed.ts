// What every driver says of an account whose credentials another process is about to change.

import { GatewayError } from "../contract/gateway-error.ts";

export function beingRenewed(alias: string): GatewayError {
  return new GatewayError("overloaded", `Account "${alias}" is being renewed right now: try again in a minute`, {
    retryable: true,
  });
}
