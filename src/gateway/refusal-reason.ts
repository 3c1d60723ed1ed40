// Why an upstream refused what its client has to change, in the upstream's own words: for the log alone.

import { type GatewayError, httpStatus } from "../contract/gateway-error.ts";

/** Undefined for what the gateway itself refuses, and for failures: their causes are logged with their stacks. */
export function refusalReason(error: GatewayError | undefined): string | undefined {
  if (error?.upstream === undefined || httpStatus[error.kind] >= 500) return undefined;
  return error.cause instanceof Error ? error.cause.message : undefined;
}
