// Refusals of the Qwen web backend to GatewayErrors, and what the chain should do about them. HTTP 200 means nothing here.

import { type ErrorKind, GatewayError, type GatewayErrorOptions } from "../../contract/gateway-error.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";

export const upstreamName = "qwen-web";

/** What a refusal asks of the conversation's chain; quota and state of the chat are told apart first. */
export type ChainAction =
  /** The chat still generates or settles: the same message again, a little later. */
  | "wait"
  /** Chat or node are gone: a new chat with the whole history. */
  | "restart"
  | "none";

export class QwenRefusal extends GatewayError {
  readonly chainAction: ChainAction;

  constructor(kind: ErrorKind, message: string, chainAction: ChainAction, options: GatewayErrorOptions) {
    super(kind, message, { ...options, upstream: upstreamName });
    this.chainAction = chainAction;
  }
}

/** What a refusal said, gathered from the envelope variants. */
export interface RefusalFacts {
  /** Lower case; "" when the body has none. */
  readonly code: string;
  readonly text: string;
  /** Hours until a daily limit ends. */
  readonly hours: number | undefined;
  /** `x-actual-status-code` where it was sent, else the HTTP status. */
  readonly status: number;
  /** Milliseconds from a `retry-after` header. */
  readonly retryAfterMs: number | undefined;
}

const hourMs = 3_600_000;
/** As other clients do after "high demand" (2026-08). */
const highDemandMs = 120_000;

/** Substrings of firewall pages. Looked for in bodies that are no event stream only: ordinary answers may hold them. */
const challengeMarks = [
  "fail_sys_user_validate",
  "rgv587_error",
  "_____tmd_____",
  "x5secdata",
  "aliyun_waf",
  "denyfromx5",
  "baxia",
  "awsc",
] as const;

/** Classifies an answer that is no event stream: content type, body shape, `x-actual-status-code`, status, in that order. */
export function classifyBody(
  body: string,
  contentType: string,
  facts: Pick<RefusalFacts, "status" | "retryAfterMs">,
): QwenRefusal {
  const lower = body.slice(0, 16_384).toLowerCase();
  if (challengeMarks.some((mark) => lower.includes(mark))) return challenge();
  if (contentType.includes("text/html") || lower.trimStart().startsWith("<")) {
    // A page under a status of its own is a proxy's; the firewall's come as 200 or 403.
    const isProxyPage = facts.status >= 500 || facts.status === 429 || facts.status === 404;
    return isProxyPage ? classify({ code: "", text: "", hours: undefined, ...facts }) : challenge();
  }
  return classify({ ...readEnvelope(parseObject(body)), ...facts });
}

/** Classifies the `error` of an in-stream event. */
export function classifyStreamError(error: unknown): QwenRefusal {
  const envelope = readEnvelope({ error });
  return classify({ ...envelope, status: 200, retryAfterMs: undefined });
}

/** Reads code, text and hours out of every envelope variant. */
export function readEnvelope(body: JsonObject | undefined): Pick<RefusalFacts, "code" | "text" | "hours"> {
  const data = objectIn(body, "data");
  const error = objectIn(body, "error");
  const plain = body?.["error"];
  const code = stringOf(data?.["code"]) ?? stringOf(body?.["code"]) ?? stringOf(error?.["code"]) ?? "";
  const text =
    stringOf(data?.["details"]) ??
    stringOf(data?.["message"]) ??
    stringOf(body?.["details"]) ??
    stringOf(body?.["detail"]) ??
    stringOf(body?.["message"]) ??
    stringOf(error?.["details"]) ??
    stringOf(error?.["message"]) ??
    (typeof plain === "string" ? plain : "");
  const hours = data?.["num"] ?? body?.["num"];
  return { code: code.toLowerCase(), text, hours: typeof hours === "number" && hours > 0 ? hours : undefined };
}

/** One row a condition of the catalogue in the order in which they must be asked: state of the chat before quota. */
function classify(facts: RefusalFacts): QwenRefusal {
  const { code, status } = facts;
  const text = facts.text.toLowerCase();
  const cause = new Error(`Qwen answered ${status} ${code}: ${facts.text.slice(0, 500)}`);

  if (text.includes("chat is in progress")) {
    return new QwenRefusal(
      "overloaded",
      "Cannot continue the chat: Qwen is still busy with its last answer, try again in a few seconds",
      "wait",
      { cause, retryable: true },
    );
  }
  if (/parent_id .*not exist/.test(text) || text.includes("first message must not assistant")) {
    return new QwenRefusal(
      "upstream-failed",
      "Cannot continue the chat: Qwen does not know its last answer any more",
      "restart",
      { cause },
    );
  }
  if (code === "chat_not_found" || /the chat .*not exist/.test(text)) {
    return new QwenRefusal("upstream-failed", "Cannot continue the chat: Qwen does not know it any more", "restart", {
      cause,
    });
  }
  if (code === "data_inspection_failed" || text.includes("inappropriate content")) {
    return refusal(
      "content-filtered",
      "Qwen refused the content: its safety check stopped this message or its answer",
      { cause },
    );
  }
  if (code === "contextlengthexceeded" || code === "context_length_exceeded") {
    return refusal(
      "context-too-long",
      "The conversation is longer than the model's context: shorten it or start a new one",
      { cause },
    );
  }
  if (code === "quota_limit" || text.includes("high demand") || text.includes("increased too quickly")) {
    return refusal("overloaded", "Qwen is under high demand: try again in a few minutes", {
      cause,
      retryable: true,
      retryAfterMs: highDemandMs,
    });
  }
  if (
    code === "ratelimited" ||
    text.includes("upper limit") ||
    text.includes("quota exceeded") ||
    text.includes("token-limit")
  ) {
    const hours = facts.hours ?? 24;
    return refusal(
      "upstream-quota",
      `The Qwen account has reached its usage limit: it is available again in about ${hours} h, or use another account`,
      {
        cause,
        retryAfterMs: hours * hourMs,
      },
    );
  }
  if (code === "too_many_requests" || status === 429) {
    return refusal("upstream-quota", "Qwen takes no more requests of this account right now: try again in a moment", {
      cause,
      retryable: true,
      retryAfterMs: facts.retryAfterMs ?? 5000,
    });
  }
  if (
    code === "unauthorized" ||
    code === "forbidden" ||
    status === 401 ||
    status === 403 ||
    text.includes("token has expired")
  ) {
    return refusal(
      "upstream-auth",
      "Qwen refused the account's credentials: sign in at chat.qwen.ai and give the gateway the new token",
      { cause },
    );
  }
  if (text.includes("model not found")) {
    return refusal(
      "model-not-found",
      "Qwen does not offer this model to the account: GET /v1/models lists those it offers",
      { cause, param: "model" },
    );
  }
  if (code === "invalid_input" || text.includes("invalid file information")) {
    return refusal("invalid-request", "Qwen refused the message or its attachment as invalid", { cause });
  }
  if (text.includes("too many messages") || code === "requestvalidationerror") {
    return refusal(
      "internal",
      "Qwen does not understand the gateway's request: its protocol may have changed, look for a newer gateway",
      { cause },
    );
  }
  if (status === 504 || status === 408) {
    return refusal("upstream-timeout", "Qwen took too long to answer: try again", { cause, retryable: true });
  }
  return refusal("upstream-failed", "Qwen failed to answer this request: try again", { cause, retryable: true });
}

function challenge(): QwenRefusal {
  return refusal(
    "upstream-challenge",
    "Qwen's firewall asks for a human check: open chat.qwen.ai in the browser of this account, solve it, wait some minutes and copy the cookies anew",
    {},
  );
}

function refusal(kind: ErrorKind, message: string, options: GatewayErrorOptions): QwenRefusal {
  return new QwenRefusal(kind, message, "none", options);
}

export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // Not JSON: the caller goes on with what the status says.
    return undefined;
  }
}

function objectIn(body: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = body?.[key];
  return isJsonObject(value) ? value : undefined;
}

function stringOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
