// Every refusal of the backend by name, as it stands on the wire. A table; who decides to refuse is elsewhere.

import type { Json } from "../contract/json.ts";
import { answerHeaders, jsonAnswer } from "./envelope.ts";
import type { Refusal, RefusalName } from "./script.ts";

/** What the texts of some refusals name. */
export interface RefusedCall {
  readonly requestId: string;
  readonly chatId: string;
  readonly parentId: string;
}

type AnsweredName = Exclude<RefusalName, "reset" | "silence">;

interface Row {
  /** `x-actual-status-code`; HTTP says 200. */
  readonly actualStatus: number;
  readonly code: string;
  readonly details: string;
}

/** From captures and live probes of 2025-10 to 2026-10, one row a condition. */
const rows: Readonly<Record<Exclude<AnsweredName, keyof typeof special>, Row>> = {
  "rate-limited": {
    actualStatus: 429,
    code: "RateLimited",
    details: "You've reached the upper limit for today's usage.",
  },
  unauthorized: { actualStatus: 401, code: "Unauthorized", details: "401 Unauthorized" },
  "token-expired": { actualStatus: 401, code: "unauthorized", details: "Token has expired, please log in again." },
  "token-revoked": { actualStatus: 401, code: "unauthorized", details: "token revoked, sign in again" },
  "chat-in-progress": { actualStatus: 400, code: "Bad_Request", details: "The chat is in progress!" },
  "parent-not-exist": {
    actualStatus: 400,
    code: "Bad_Request",
    details: "Invalid input chat parent_id {parent} is not exist.",
  },
  "chat-not-exist": {
    actualStatus: 404,
    code: "CHAT_NOT_FOUND",
    details: "Invalid input the chat {chat} is not exist.",
  },
  "first-message": { actualStatus: 400, code: "Bad_Request", details: "first message must not assistant message" },
  "too-many-messages": { actualStatus: 400, code: "Bad_Request", details: "Invalid input too many messages." },
  validation: { actualStatus: 422, code: "RequestValidationError", details: "Field 'chat_id': Field required" },
  "bad-request": { actualStatus: 400, code: "Bad_Request", details: "Invalid input." },
  "internal-error": { actualStatus: 500, code: "internal_error", details: "Internal Error" },
  "internal-server-error": { actualStatus: 500, code: "Internal_Server_Error", details: "Internal Server Error" },
  "model-not-found": { actualStatus: 404, code: "Not_Found", details: "Model not found" },
  "invalid-file": { actualStatus: 400, code: "Bad_Request", details: "Invalid file information!" },
  "not-found": { actualStatus: 404, code: "Not_Found", details: "Not Found" },
};

const limitTemplate = "You have reached the daily usage limit. Please wait {{num}} hours before trying again.";

/** Refusals that are no plain envelope. */
const special = {
  "rate-limited-flat": (refusal: Refusal, call: RefusedCall) => {
    const detail = refusal.details ?? rows["rate-limited"].details;
    const body = { code: refusal.code ?? "RateLimited", detail, template: limitTemplate, num: refusal.hours ?? 4 };
    return jsonAnswer(call.requestId, body, 429, refusal.status ?? 200);
  },
  "bad-request-flat": (refusal: Refusal, call: RefusedCall) => {
    const body = {
      success: false,
      code: refusal.code ?? "Bad_Request",
      details: refusal.details ?? "Internal error",
    };
    return jsonAnswer(call.requestId, body, 400, refusal.status ?? 200);
  },
  "waf-punish": (refusal: Refusal, call: RefusedCall) => {
    const url =
      "https://chat.qwen.ai:443//api/v2/chat/completions/_____tmd_____/punish?x5secdata=SYNTHETIC&x5step=2&action=captcha&pureCaptcha=";
    const ret = ["FAIL_SYS_USER_VALIDATE", `RGV587_ERROR::SM::${refusal.details ?? "哎哟喂,被挤爆啦,请稍后重试"}`];
    const headers = answerHeaders(call.requestId, 200, "application/json;charset=UTF-8");
    return new Response(JSON.stringify({ ret, data: { url } }), { status: refusal.status ?? 200, headers });
  },
  "waf-html": (refusal: Refusal, call: RefusedCall) =>
    page(
      call,
      refusal.status ?? 200,
      '<!doctypehtml><meta charset="UTF-8"><meta name="aliyun_waf_aa" content="0123456789abcdef0123456789abcdef"><title></title><script>/* synthetic challenge */</script>\n',
    ),
  "gateway-504": (refusal: Refusal, call: RefusedCall) => {
    const status = refusal.status ?? 504;
    return page(call, status, gatewayPage(`${status} Gateway Time-out`));
  },
  "http-status": (refusal: Refusal, call: RefusedCall) => {
    const status = refusal.status ?? 500;
    return page(call, status, gatewayPage(`${status} ${refusal.details ?? "Error"}`));
  },
} as const;

export function refuse(refusal: Refusal & { readonly name: AnsweredName }, call: RefusedCall): Response {
  const { name } = refusal;
  const response = isSpecial(name) ? special[name](refusal, call) : envelope(rows[name], refusal, call);
  if (refusal.retryAfterSeconds !== undefined) response.headers.set("retry-after", String(refusal.retryAfterSeconds));
  return response;
}

function envelope(row: Row, refusal: Refusal, call: RefusedCall): Response {
  const details = row.details.replace("{parent}", call.parentId).replace("{chat}", call.chatId);
  const limit: Record<string, Json> =
    refusal.name === "rate-limited" ? { template: limitTemplate, num: refusal.hours ?? 10 } : {};
  const data = { code: refusal.code ?? row.code, details: refusal.details ?? details, ...limit };
  const body = { success: false, request_id: call.requestId, data };
  return jsonAnswer(call.requestId, body, row.actualStatus, refusal.status ?? 200);
}

function page(call: RefusedCall, status: number, html: string): Response {
  return new Response(html, { status, headers: answerHeaders(call.requestId, status, "text/html") });
}

function gatewayPage(title: string): string {
  return `<html>\n<head><title>${title}</title></head>\n<body>\n<center><h1>${title}</h1></center>\n<hr><center>alibaba-ga</center>\n</body>\n</html>\n`;
}

function isSpecial(name: AnsweredName): name is keyof typeof special {
  return name in special;
}
