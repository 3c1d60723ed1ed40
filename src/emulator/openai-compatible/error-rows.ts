// Every refusal in the common form of OpenAI's service. What a dialect says otherwise stands in its record.

import type { ErrorRow } from "./dialect.ts";
import type { AnsweredName } from "./script.ts";

const request = "invalid_request_error";

/** @see https://platform.openai.com/docs/guides/error-codes */
export const commonRows: Readonly<Record<AnsweredName, ErrorRow>> = {
  "invalid-parameter": { status: 400, type: request, code: null, message: "Invalid request" },
  "context-too-long": {
    status: 400,
    type: request,
    code: "context_length_exceeded",
    param: "messages",
    message:
      "This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} tokens. Please reduce the length of the messages.",
  },
  "in-debt": { status: 402, type: request, code: "billing_not_active", message: "Your account is not active" },
  "content-filter": { status: 400, type: request, code: "content_filter", message: "Content was filtered" },
  "invalid-key": { status: 401, type: request, code: "invalid_api_key", message: "Incorrect API key provided" },
  "wrong-plan": { status: 403, type: request, code: null, message: "This key does not serve here" },
  "access-denied": { status: 403, type: request, code: "access_denied", message: "Access denied" },
  "free-tier-only": { status: 403, type: request, code: "insufficient_quota", message: "Free quota is used up" },
  "model-not-found": {
    status: 404,
    type: request,
    code: "model_not_found",
    param: "model",
    message: "The model `{model}` does not exist or you do not have access to it.",
  },
  "empty-404": { status: 404, message: "", shape: "empty" },
  timeout: { status: 408, type: "timeout", code: null, message: "Request timed out" },
  "too-large": { status: 413, type: request, code: null, message: "Request body too large" },
  "rate-limited": { status: 429, type: "requests", code: "rate_limit_exceeded", message: "Rate limit reached" },
  "token-limited": {
    status: 429,
    type: "tokens",
    code: "rate_limit_exceeded",
    message: "Rate limit reached on tokens per min (TPM)",
  },
  "quota-exhausted": {
    status: 429,
    type: "insufficient_quota",
    code: "insufficient_quota",
    message: "You exceeded your current quota, please check your plan and billing details.",
  },
  "plan-exhausted": { status: 429, type: "insufficient_quota", code: null, message: "The plan's quota is used up" },
  "burst-limited": { status: 429, type: "requests", code: "rate_limit_exceeded", message: "Request rate too high" },
  "concurrency-limited": {
    status: 429,
    type: "requests",
    code: "rate_limit_exceeded",
    message: "Too many concurrent requests",
  },
  "not-purchased": { status: 429, type: request, code: null, message: "Not purchased" },
  "prepaid-overdue": { status: 429, type: request, code: null, message: "The bill is overdue" },
  "postpaid-overdue": { status: 429, type: request, code: null, message: "The bill is overdue" },
  "internal-error": { status: 500, type: "server_error", code: null, message: "Internal server error" },
  unavailable: { status: 503, type: "server_error", code: null, message: "The server is overloaded" },
  loading: { status: 503, type: "server_error", code: null, message: "The model is loading" },
  "parse-failed": { status: 500, type: "server_error", code: null, message: "Failed to parse the model's output" },
  "no-tools": { status: 400, type: request, code: null, param: "tools", message: "This model cannot call tools" },
  "no-thinking": { status: 400, type: request, code: null, message: "This model cannot think" },
  "html-page": {
    status: 200,
    message: "<!doctype html><title>Blocked</title><h1>This request was blocked by the network's owner</h1>\n",
    shape: "html",
  },
  "gateway-504": {
    status: 504,
    message:
      "<html>\n<head><title>504 Gateway Time-out</title></head>\n<body>\n<center><h1>504 Gateway Time-out</h1></center>\n</body>\n</html>\n",
    shape: "html",
  },
  "http-status": { status: 500, type: "server_error", code: null, message: "Error" },
};

/** OpenAI's own members in their order. */
export function openAiError(row: ErrorRow): {
  message: string;
  type: string;
  param: string | null;
  code: string | number | null;
} {
  return { message: row.message, type: row.type ?? request, param: row.param ?? null, code: row.code ?? null };
}
