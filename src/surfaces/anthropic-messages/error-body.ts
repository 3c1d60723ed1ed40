// Anthropic's error body, the same object in error answers and in error frames.

import type { ErrorKind, GatewayError } from "../../contract/gateway-error.ts";

/** A type alias, not an interface, so that it counts as `Json`. */
export type AnthropicErrorBody = {
  readonly type: "error";
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly details?: { readonly error_code: string };
  };
  /** Frames have none: the head of their stream tells it. */
  readonly request_id?: string;
};

/** @see https://docs.anthropic.com/en/api/errors */
const errorTypes: Readonly<Record<ErrorKind, string>> = {
  "invalid-request": "invalid_request_error",
  "context-too-long": "invalid_request_error",
  "content-filtered": "invalid_request_error",
  unauthenticated: "authentication_error",
  forbidden: "permission_error",
  "not-found": "not_found_error",
  "model-not-found": "not_found_error",
  "method-not-allowed": "invalid_request_error",
  "upgrade-refused": "invalid_request_error",
  gone: "not_found_error",
  "too-large": "request_too_large",
  "head-too-large": "request_too_large",
  "rate-limited": "rate_limit_error",
  "upstream-quota": "rate_limit_error",
  internal: "api_error",
  "not-served": "api_error",
  "upstream-failed": "api_error",
  "upstream-auth": "api_error",
  "answer-unfit": "api_error",
  overloaded: "overloaded_error",
  // Not an overload: clients would come again, and a person has to act first.
  "upstream-challenge": "api_error",
  "upstream-timeout": "timeout_error",
};

/** Where this protocol has a status of its own. */
export const anthropicStatuses = { overloaded: 529 } as const satisfies Partial<Record<ErrorKind, number>>;

/** The request field by which a client has its history kept for it. */
export const threadField = "thread";

/** By this the official package learns that it has to send the whole history, and does so at once (1.11). */
const noThreads = { details: { error_code: "thread_unsupported_request" } } as const;

export function anthropicErrorBody(error: GatewayError, requestId?: string): AnthropicErrorBody {
  const { kind, message, param } = error;
  return {
    type: "error",
    error: { type: errorTypes[kind], message, ...(param === threadField ? noThreads : {}) },
    ...(requestId === undefined ? {} : { request_id: requestId }),
  };
}
