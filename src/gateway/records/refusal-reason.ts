// Why an upstream refused what its client has to change, in the upstream's own words: for the log alone.

import { GatewayError, httpStatus } from "../../contract/gateway-error.ts";

/** Undefined for what the gateway itself refuses, and for failures: their causes are logged with their stacks. */
export function refusalReason(error: GatewayError | undefined): string | undefined {
  if (error?.upstream === undefined || httpStatus[error.kind] >= 500) return undefined;
  let { cause } = error;
  // A refusal that was put in other words, such as with its field's name, still has the upstream's beneath them.
  while (cause instanceof GatewayError) cause = cause.cause;
  return cause instanceof Error ? cause.message : undefined;
}
