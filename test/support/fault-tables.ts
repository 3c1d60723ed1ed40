// What the backend does wrong, as tables: each row is an order to the emulator and what a client must see of it. Run in
// process and against the executable.

import type { ScriptedReply, ScriptEntry, StreamFault } from "../../src/emulator/qwen-web-emulator.ts";

/** A refusal before the first word. */
export interface RefusalRow {
  readonly name: string;
  readonly script: Pick<ScriptEntry, "refuse" | "reply">;
  readonly status: number;
  readonly code: string;
  /** A piece of the sentence that tells this case from its neighbours. */
  readonly says: string;
  /** @defaultValue 1 */
  readonly attempts?: number;
  /** Chats that were made, however often it was repeated. @defaultValue 1 */
  readonly chats?: number;
  readonly retryAfter?: string;
  /** The client is told that a repetition is useless. */
  readonly final?: true;
}

/** An error event behind `response.created`. */
const event = (code: string, details: string): RefusalRow["script"] => ({
  reply: { text: "Hello", faults: [{ kind: "error", after: 1, code, details }] },
});
const fault = (...faults: StreamFault[]): RefusalRow["script"] => ({ reply: { text: "Hello", faults } });

const limit = { status: 429, code: "upstream_quota", retryAfter: "60", final: true } as const;
const signIn = { status: 502, code: "upstream_auth", says: "sign in at chat.qwen.ai", final: true } as const;
const challenge = {
  status: 503,
  code: "upstream_challenge",
  says: "Qwen's firewall asks for a human check: open chat.qwen.ai",
  final: true,
} as const;
const demand = { status: 503, code: "overloaded", says: "high demand: try again in a few minutes", retryAfter: "60" };
const failed = {
  status: 502,
  code: "upstream_failed",
  says: "Qwen failed to answer this request",
  attempts: 3,
} as const;
const filtered = { status: 400, code: "content_filter", says: "its safety check stopped this message" } as const;
const tooLong = { status: 400, code: "context_length_exceeded", says: "prompt is too long" } as const;
const misunderstood = { status: 500, code: "internal", says: "does not understand the gateway's request" } as const;
const brokeOff = { status: 502, code: "upstream_failed", says: "broke off", attempts: 3 } as const;

export const refusalRows: readonly RefusalRow[] = [
  { name: "a daily limit of 10 h", script: { refuse: "rate-limited" }, ...limit, says: "again in about 10 h" },
  { name: "a daily limit of 3 h", script: { refuse: { name: "rate-limited", hours: 3 } }, ...limit, says: "about 3 h" },
  {
    name: "a limit that names no hours",
    script: { refuse: { name: "rate-limited", hours: 0 } },
    ...limit,
    says: "about 24 h",
  },
  { name: "a limit in the flat form", script: { refuse: "rate-limited-flat" }, ...limit, says: "about 4 h" },
  {
    name: "a limit in Chinese",
    script: { refuse: { name: "rate-limited", details: "今日生图额度已用完，登录后可继续生图。" } },
    ...limit,
    says: "usage limit",
  },
  {
    name: "an allocation quota",
    script: { refuse: { name: "bad-request", details: "Allocated quota exceeded, please increase your quota limit." } },
    ...limit,
    says: "usage limit",
  },
  { name: "a limit as an event", script: event("RateLimited", "upper limit"), ...limit, says: "usage limit" },
  { name: "high demand as an event", script: event("quota_limit", "alta demanda"), ...demand },
  { name: "a rate that grew too quickly", script: event("x", "The request rate increased too quickly."), ...demand },
  { name: "a refused token", script: { refuse: "unauthorized" }, ...signIn },
  { name: "a refused token in Chinese", script: { refuse: { name: "unauthorized", details: "未授权" } }, ...signIn },
  { name: "an expired token", script: { refuse: "token-expired" }, ...signIn },
  { name: "a revoked token", script: { refuse: "token-revoked" }, ...signIn },
  { name: "an expired token as an event", script: event("unauthorized", "Token has expired"), ...signIn },
  { name: "the firewall's JSON", script: { refuse: "waf-punish" }, ...challenge },
  { name: "the firewall's page", script: { refuse: "waf-html" }, ...challenge },
  { name: "the firewall's page under 403", script: { refuse: { name: "waf-html", status: 403 } }, ...challenge },
  { name: "content that is refused", script: event("data_inspection_failed", "Content security warning"), ...filtered },
  { name: "inappropriate content", script: event("x", "may contain inappropriate content!"), ...filtered },
  { name: "a context too long", script: event("ContextLengthExceeded", "too long"), ...tooLong },
  { name: "a body too large", script: { refuse: { name: "http-status", status: 413 } }, ...tooLong },
  {
    name: "an invalid message or attachment",
    script: event("invalid_input", "输入或附件无效。请检查后重试。"),
    status: 400,
    code: "invalid_request",
    says: "Qwen refused the message or its attachment as invalid",
  },
  {
    name: "a model that Qwen does not offer",
    script: { refuse: "model-not-found" },
    status: 404,
    code: "model_not_found",
    says: "GET /v1/models lists those it offers",
  },
  { name: "too many messages", script: { refuse: "too-many-messages" }, ...misunderstood },
  { name: "a missing field", script: { refuse: "validation" }, ...misunderstood },
  {
    name: "refused headers",
    script: { refuse: { name: "bad-request-flat", details: "Invalid request header" } },
    status: 502,
    code: "upstream_failed",
    says: "refused the headers of the request",
  },
  { name: "a generic refusal in the flat form", script: { refuse: "bad-request-flat" }, ...failed },
  { name: "an internal error", script: { refuse: "internal-error" }, ...failed },
  { name: "an internal server error", script: { refuse: "internal-server-error" }, ...failed },
  { name: "an internal error as an event", script: event("internal_error", "Internal Error"), ...failed },
  { name: "an error that is plain text", script: fault({ kind: "error-text", text: "Internal error!" }), ...failed },
  {
    name: "an error before any other event",
    script: fault({ kind: "error", after: 0, code: "internal_error", details: "Internal Error" }),
    ...failed,
  },
  {
    name: "an envelope as an event",
    script: fault({
      kind: "malformed",
      line: 'data: {"success": false, "data": {"code": "RateLimited", "details": "limit", "num": 6}}',
    }),
    ...limit,
    says: "about 6 h",
  },
  { name: "a page under 500", script: { refuse: { name: "http-status", status: 500 } }, ...failed },
  { name: "a page under 503", script: { refuse: { name: "http-status", status: 503 } }, ...failed },
  {
    name: "a gateway's page under 504",
    script: { refuse: "gateway-504" },
    status: 504,
    code: "upstream_timeout",
    says: "took too long to answer",
    attempts: 3,
  },
  { name: "an end before the first word", script: fault({ kind: "end" }), ...brokeOff },
  { name: "a reset before the first word", script: fault({ kind: "drop" }), ...brokeOff },
  // What may still be generated cannot be stopped, so each attempt gets a chat of its own.
  { name: "an end before any event", script: fault({ kind: "end", after: 0 }), ...brokeOff, chats: 3 },
];

/** What Qwen says of itself and of its chats. */
export const leaks =
  /\b(?:RateLimited|Unauthorized|Bad_Request|internal_error|data_inspection|quota_limit|response_id|chat_id)\b|aliyun|alibaba|x5sec|punish|Qwen's own words|<html|\bat \/|\/src\/|test-token|127\.0\.0\.1|[\u4e00-\u9fff]/;
export const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** The answer that the faults strike: they come behind its second word. */
export const chunks = ["one ", "two ", "three ", "four"];

/** An error object behind the second word. */
export const error = (code: string): StreamFault => ({ kind: "error", after: 3, code, details: "Qwen's own words" });

/** A fault in the middle of an answer that ends it. */
export interface Ending {
  readonly name: string;
  readonly fault: StreamFault;
  readonly code: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export const endings: readonly Ending[] = [
  { name: "an error object", fault: error("internal_error"), code: "upstream_failed" },
  { name: "an unknown error", fault: error("brand_new"), code: "upstream_failed" },
  { name: "high demand", fault: error("quota_limit"), code: "overloaded" },
  { name: "a daily limit", fault: error("RateLimited"), code: "upstream_quota" },
  { name: "a refused token", fault: error("unauthorized"), code: "upstream_auth" },
  { name: "moderation", fault: error("data_inspection_failed"), code: "content_filter" },
  { name: "a context too long", fault: error("ContextLengthExceeded"), code: "context_length_exceeded" },
  { name: "an invalid input", fault: error("invalid_input"), code: "invalid_request" },
  {
    name: "an error that is text",
    fault: { kind: "error-text", after: 3, text: "Qwen's own words" },
    code: "upstream_failed",
  },
  { name: "a reset", fault: { kind: "drop", after: 3 }, code: "upstream_failed" },
  { name: "an end without finish", fault: { kind: "end", after: 3 }, code: "upstream_failed" },
  {
    name: "silence",
    fault: { kind: "stall", after: 3 },
    code: "upstream_timeout",
    environment: { STALL_TIMEOUT_MS: "60" },
  },
  {
    name: "keep-alive events without end",
    fault: { kind: "stall", after: 3, keepAliveEveryMs: 10 },
    code: "upstream_timeout",
    environment: { REPLY_TIMEOUT_MS: "150" },
  },
  {
    name: "a line without end",
    fault: { kind: "malformed", after: 3, line: `data: ${"x".repeat(20_000)}` },
    code: "upstream_failed",
    environment: { MAX_LINE_BYTES: "10000" },
  },
];

/** What a stream may hold without anybody noticing. */
export interface Oddity {
  readonly name: string;
  readonly reply: ScriptedReply;
  /** Warnings that it costs. */
  readonly warnings?: number;
}

export const oddities: readonly Oddity[] = [
  { name: "a broken line", reply: { chunks, faults: [{ kind: "malformed", after: 2 }] }, warnings: 1 },
  {
    name: "many broken and unknown lines",
    reply: {
      chunks,
      faults: [1, 2, 3, 4].flatMap((after): StreamFault[] => [
        { kind: "malformed", after },
        { kind: "malformed", after, line: 'data: {"choices": [{"delta": {"content": 7, "phase": "answer"}}]}' },
        { kind: "malformed", after, line: "data: [1, 2]" },
        { kind: "unknown-event", after },
      ]),
    },
    warnings: 1,
  },
  { name: "an unknown event", reply: { chunks, faults: [{ kind: "unknown-event", after: 2 }] }, warnings: 1 },
  {
    name: "lines that are no data",
    reply: { chunks, faults: [{ kind: "malformed", after: 2, line: ": c\nid: 7\nfoo" }] },
  },
  { name: "keep-alive events", reply: { chunks, faults: [{ kind: "keep-alive", after: 2, times: 5 }] } },
  { name: "[DONE] in the middle", reply: { chunks, faults: [{ kind: "done", after: 3 }] } },
  { name: "[DONE] before the first word", reply: { chunks, faults: [{ kind: "done", after: 1 }] } },
  { name: "[DONE] behind the finish", reply: { chunks, faults: [{ kind: "done" }] } },
  { name: "a second reply between", reply: { chunks, faults: [{ kind: "interleave", text: "A B C D E F" }] } },
  { name: "a stream that stays open", reply: { chunks, faults: [{ kind: "stay-open" }] } },
  { name: "cumulative deltas", reply: { text: "one two three four", cumulative: true } },
  { name: "events of 2025", reply: { chunks, legacyEvents: true } },
  { name: "a gzip body", reply: { chunks, encoding: "gzip" } },
  { name: "a brotli body", reply: { chunks, encoding: "br" } },
  { name: "a body byte by byte", reply: { chunks, splitBytes: 1 } },
  { name: "a gzip body in pieces", reply: { chunks, encoding: "gzip", splitBytes: 3 } },
  { name: "a body in one piece", reply: { chunks, joinEvents: true } },
];
