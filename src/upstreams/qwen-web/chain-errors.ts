// What a refusal means for the request that met it: said once more, in another chat, or never again.

import { GatewayError } from "../../contract/gateway-error.ts";
import { accountRefusal } from "./accounts/accounts.ts";
import { QwenRefusal, upstreamName } from "./errors.ts";

/** Chat creation and uploads have had their own repetitions: nobody repeats them once more. */
export function asFinal(error: unknown): never {
  if (!(error instanceof GatewayError) || !error.retryable || accountRefusal(error) !== undefined) throw error;
  throw new GatewayError(error.kind, error.message, {
    cause: error,
    upstream: upstreamName,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  });
}

/** Refused for what the chat is or does: another chat may do. */
export function isAboutChat(error: unknown): error is QwenRefusal {
  return error instanceof QwenRefusal && error.chainAction !== "none";
}
