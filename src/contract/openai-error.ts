// OpenAI's error body: the shape of the OpenAI surfaces, and of every route that belongs to no surface.

import type { ErrorKind, GatewayError } from "./gateway-error.ts";

/** A type alias, not an interface, so that it counts as `Json`. */
export type OpenAIErrorBody = {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
};

/**
 * `type` and `code` of each kind: OpenAI's own words where it has them, since clients branch on them.
 * @see https://platform.openai.com/docs/guides/error-codes
 */
const openaiNames: Readonly<Record<ErrorKind, { readonly type: string; readonly code: string }>> = {
  "invalid-request": { type: "invalid_request_error", code: "invalid_request" },
  "context-too-long": { type: "invalid_request_error", code: "context_length_exceeded" },
  "content-filtered": { type: "invalid_request_error", code: "content_filter" },
  unauthenticated: { type: "authentication_error", code: "invalid_api_key" },
  forbidden: { type: "permission_error", code: "forbidden" },
  "not-found": { type: "not_found_error", code: "not_found" },
  "model-not-found": { type: "not_found_error", code: "model_not_found" },
  "method-not-allowed": { type: "invalid_request_error", code: "method_not_allowed" },
  "upgrade-refused": { type: "invalid_request_error", code: "upgrade_refused" },
  gone: { type: "not_found_error", code: "gone" },
  "too-large": { type: "invalid_request_error", code: "too_large" },
  "head-too-large": { type: "invalid_request_error", code: "head_too_large" },
  "rate-limited": { type: "rate_limit_error", code: "rate_limit_exceeded" },
  "upstream-quota": { type: "rate_limit_error", code: "upstream_quota" },
  internal: { type: "api_error", code: "internal" },
  "not-served": { type: "invalid_request_error", code: "not_served" },
  "upstream-failed": { type: "upstream_error", code: "upstream_failed" },
  "answer-unfit": { type: "upstream_error", code: "answer_unfit" },
  "upstream-auth": { type: "upstream_error", code: "upstream_auth" },
  overloaded: { type: "overloaded_error", code: "overloaded" },
  "upstream-challenge": { type: "upstream_error", code: "upstream_challenge" },
  "upstream-timeout": { type: "upstream_error", code: "upstream_timeout" },
};

/** What a client may read of an error; the same object stands in error answers and in error frames. */
export function openaiErrorBody(error: GatewayError): OpenAIErrorBody {
  const { type, code } = openaiNames[error.kind];
  return { error: { message: error.message, type, param: error.param ?? null, code } };
}
