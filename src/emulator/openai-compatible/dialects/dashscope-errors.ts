// DashScope's refusals: bodies as captured (2025-09 to 2026-10), codes by the error-code page of Model Studio (2026-10).

import { formatSseEvent } from "../../../sse/sse-writer.ts";
import type { Fields } from "../chunk-form.ts";
import type { ErrorForm, ErrorRow } from "../dialect.ts";
import { openAiError } from "../error-rows.ts";
import type { AnsweredName } from "../script.ts";

export const algorithmPrefix = "<400> InternalError.Algo.InvalidParameter: ";

const request = "invalid_request_error";
const throttled = "Requests rate limit exceeded, please try again later.";
const seeBilling =
  "You exceeded your current quota, please check your plan and billing details. For details, see: https://help.aliyun.com/zh/model-studio/error-code#token-limit";
const notInGoodStanding = "Access denied, please make sure your account is in good standing.";

const rows: Readonly<Partial<Record<AnsweredName, ErrorRow>>> = {
  "invalid-parameter": { status: 400, code: "invalid_parameter_error", type: request, message: "Invalid parameter" },
  "context-too-long": {
    status: 400,
    code: "invalid_parameter_error",
    type: request,
    message: `${algorithmPrefix}Range of input length should be [1, {limit}]`,
  },
  "in-debt": { status: 400, code: "Arrearage", type: "Arrearage", message: notInGoodStanding, shape: "code-first" },
  "content-filter": {
    status: 400,
    code: "data_inspection_failed",
    type: "data_inspection_failed",
    message: "Input data may contain inappropriate content.",
    shape: "code-param-first",
  },
  "invalid-key": {
    status: 401,
    code: "invalid_api_key",
    type: request,
    message:
      "Incorrect API key provided. For details, see: https://www.alibabacloud.com/help/en/model-studio/error-code#apikey-error",
  },
  // A plan's key on the ordinary host (coding-plan-faq, 2026-10).
  "wrong-plan": { status: 403, code: "invalid_api_key", type: request, message: "invalid api-key" },
  "access-denied": { status: 403, code: "access_denied", type: "access_denied", message: "Access denied." },
  "free-tier-only": {
    status: 403,
    code: "AllocationQuota.FreeTierOnly",
    type: "AllocationQuota.FreeTierOnly",
    message:
      'The free tier of the model has been exhausted. If you wish to continue access the model on a paid basis, please disable the "use free tier only" mode in the management console.',
  },
  "model-not-found": {
    status: 404,
    code: "model_not_found",
    type: request,
    message: "The model `{model}` does not exist or you do not have access to it.",
  },
  timeout: {
    status: 408,
    code: "RequestTimeOut",
    type: "RequestTimeOut",
    message: "Request timed out, please try again later.",
  },
  "too-large": {
    status: 413,
    code: "invalid_parameter_error",
    type: request,
    message: "Exceeded limit on max bytes per request",
  },
  "rate-limited": {
    status: 429,
    code: "limit_requests",
    type: "limit_requests",
    message: "You exceeded your current requests list.",
  },
  // Transient: it counts tokens a minute (oh-my-pi PR 8476).
  "token-limited": {
    status: 429,
    code: "insufficient_quota",
    type: "insufficient_quota",
    param: "insufficient_quota",
    message: seeBilling,
  },
  // The same code for the hard end; only the text tells them apart.
  "quota-exhausted": {
    status: 429,
    code: "insufficient_quota",
    type: "insufficient_quota",
    message: "Free allocated quota exceeded.",
  },
  // Its status is not documented.
  "plan-exhausted": {
    status: 429,
    code: "insufficient_quota",
    type: "insufficient_quota",
    message: "hour allocated quota exceeded.",
  },
  "burst-limited": {
    status: 429,
    code: "limit_burst_rate",
    type: "limit_burst_rate",
    message:
      "Request rate increased too quickly. To ensure system stability, please adjust your client logic to scale requests more smoothly over time.",
  },
  "concurrency-limited": {
    status: 429,
    code: "Throttling.Concurrency",
    type: "Throttling.Concurrency",
    message: "Too many requests in parallel.",
  },
  "not-purchased": {
    status: 429,
    code: "CommodityNotPurchased",
    type: "CommodityNotPurchased",
    message: "Commodity has not purchased yet.",
  },
  "prepaid-overdue": {
    status: 429,
    code: "PrepaidBillOverdue",
    type: "PrepaidBillOverdue",
    message: "The prepaid bill is overdue.",
  },
  "postpaid-overdue": {
    status: 429,
    code: "PostpaidBillOverdue",
    type: "PostpaidBillOverdue",
    message: "The postpaid bill is overdue.",
  },
  "internal-error": {
    status: 500,
    code: "internal_error",
    type: "internal_error",
    message: "An internal error has occured.",
  },
  unavailable: {
    status: 503,
    code: "service_unavailable",
    type: "service_unavailable",
    message: "The service is unavailable, please try again later.",
  },
};

/** The spelling of its own protocol, which reaches the compatible one now and then (fixture dashscope-err-429-rate-quota). */
export const nativeRows: Readonly<Partial<Record<AnsweredName, Pick<ErrorRow, "code"> & Partial<ErrorRow>>>> = {
  "invalid-parameter": { code: "InvalidParameter" },
  "context-too-long": { code: "InvalidParameter" },
  "content-filter": { code: "DataInspectionFailed" },
  "invalid-key": { code: "InvalidApiKey" },
  "access-denied": { code: "AccessDenied" },
  "model-not-found": { code: "ModelNotFound" },
  "rate-limited": { code: "Throttling.RateQuota", message: throttled },
  "token-limited": {
    code: "Throttling.AllocationQuota",
    message: "Allocated quota exceeded, please increase your quota limit.",
  },
  "quota-exhausted": { code: "Throttling.AllocationQuota" },
  "burst-limited": { code: "Throttling.BurstRate" },
  "internal-error": { code: "InternalError" },
};

export const dashscopeErrors: ErrorForm = {
  rows,
  body(row, requestId) {
    const { message, type, param, code } = openAiError(row);
    switch (row.shape) {
      case "empty":
        return undefined;
      case "bare":
        return { error: { code, message } };
      case "code-first":
        return { error: { code, message, type } };
      case "code-param-first":
        return { error: { code, param, message, type }, id: `chatcmpl-${requestId}` };
      default:
        return { error: { message, type, param, code, ...row.more }, request_id: requestId };
    }
  },
  inStream(row) {
    const error: Fields = { ...openAiError(row) };
    return formatSseEvent({ error });
  },
  isDoneBehind: false,
};
