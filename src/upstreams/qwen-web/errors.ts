// Refusals of the Qwen web backend to GatewayErrors, and what the chain should do about them. HTTP 200 means nothing here.

import { contextTooLong } from "../../contract/context-too-long.ts";
import { type ErrorKind, GatewayError, type GatewayErrorOptions } from "../../contract/gateway-error.ts";
import type { JsonObject } from "../../contract/json.ts";
import { parseFirstEvent, parseObject } from "../parse-object.ts";
import { objectIn, textOf } from "../read-fields.ts";
import { tellLongWait } from "../tell-wait.ts";

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
const tooManyRequestsMs = 5000;
/** Of a limit that does not say how long it lasts. */
const defaultLimitHours = 24;
/** Whatever is longer is no duration: a point in time, or another unit. 3 to 10 hours were seen. */
export const longestLimitMs = 31 * 24 * hourMs;

/** Substrings that only the firewall writes. Looked for in bodies that are no event stream: answers may hold them. */
const challengeMarks = [
  "fail_sys_user_validate",
  "rgv587_error",
  "_____tmd_____",
  "x5sec",
  "aliyun_waf",
  "denyfromx5",
  "baxia",
  "awsc",
] as const;

/** Ordinary words: they tell the firewall only in a page. */
const challengePageMarks = ["punish", "captcha", "security verification"] as const;

/** A page under a status of its own is a proxy's; the firewall's come as 200, 403 or 405. */
const proxyStatuses: ReadonlySet<number> = new Set([400, 404, 408, 411, 413, 414, 429, 431]);

/** Classifies an answer that is no event stream: content type, body shape, `x-actual-status-code`, status, in that order. */
export function classifyBody(
  body: string,
  contentType: string,
  facts: Pick<RefusalFacts, "status" | "retryAfterMs">,
): QwenRefusal {
  const lower = body.slice(0, 16_384).toLowerCase();
  if (challengeMarks.some((mark) => lower.includes(mark))) return challenge();
  if (contentType.includes("text/html") || lower.trimStart().startsWith("<")) {
    const isProxyPage = facts.status >= 500 || proxyStatuses.has(facts.status);
    const isChallenge = !isProxyPage || challengePageMarks.some((mark) => lower.includes(mark));
    return isChallenge ? challenge() : classify({ code: "", text: "", hours: undefined, ...facts });
  }
  const object = parseObject(body) ?? parseFirstEvent(body);
  // The firewall's own shape: its first word says what it did.
  if (Array.isArray(object?.["ret"])) return challenge();
  return classify({ ...readEnvelope(object), ...facts });
}

/** Classifies the `error` of an in-stream event. */
export function classifyStreamError(error: unknown): QwenRefusal {
  const envelope = readEnvelope({ error });
  return classify({ ...envelope, status: 200, retryAfterMs: undefined });
}

/** Reads code, text and hours out of every envelope variant. */
function readEnvelope(body: JsonObject | undefined): Pick<RefusalFacts, "code" | "text" | "hours"> {
  const data = objectIn(body, "data");
  const error = objectIn(body, "error");
  const plain = body?.["error"];
  const code = textOf(data?.["code"]) ?? textOf(body?.["code"]) ?? textOf(error?.["code"]) ?? "";
  const text =
    textOf(data?.["details"]) ??
    textOf(data?.["message"]) ??
    textOf(body?.["details"]) ??
    textOf(body?.["detail"]) ??
    textOf(body?.["message"]) ??
    textOf(error?.["details"]) ??
    textOf(error?.["message"]) ??
    (typeof plain === "string" ? plain : "");
  const told = data?.["num"] ?? body?.["num"] ?? error?.["num"];
  // Of an object `Number` would ask its own fields.
  const hours = typeof told === "object" ? Number.NaN : Number(told);
  return { code: code.toLowerCase(), text, hours: hours > 0 && hours * hourMs <= longestLimitMs ? hours : undefined };
}

/** A condition of the catalogue, and what it means. */
interface Row {
  readonly when: (facts: RefusalFacts) => boolean;
  readonly kind: ErrorKind;
  readonly message: string | ((facts: RefusalFacts) => string);
  readonly chain?: ChainAction;
  /** The same request may succeed in a moment. */
  readonly retryable?: true;
  /** Until then a repetition is useless. @defaultValue what the answer's own header says */
  readonly retryAfterMs?: (facts: RefusalFacts) => number;
  readonly param?: string;
}

function classify(facts: RefusalFacts): QwenRefusal {
  const lower = { ...facts, text: facts.text.toLowerCase() };
  const row = rows.find((candidate) => candidate.when(lower)) ?? unknownRefusal;
  const retryAfterMs = row.retryAfterMs?.(facts) ?? facts.retryAfterMs;
  const sentence = typeof row.message === "string" ? row.message : row.message(facts);
  // Of a time that the row itself knows its sentence tells.
  const message = retryAfterMs === facts.retryAfterMs ? tellLongWait(sentence, retryAfterMs) : sentence;
  return new QwenRefusal(row.kind, message, row.chain ?? "none", {
    cause: new Error(`Qwen answered ${facts.status} ${facts.code}: ${facts.text.slice(0, 500)}`),
    retryable: row.retryable === true,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(row.param === undefined ? {} : { param: row.param }),
  });
}

const limitHours = (facts: RefusalFacts): number => facts.hours ?? defaultLimitHours;

/** Asked in this order: the state of the chat before quota, codes (which are not localised) beside texts. */
const rows: readonly Row[] = [
  {
    when: ({ text }) => text.includes("chat is in progress"),
    kind: "overloaded",
    message: "Cannot continue the chat: Qwen is still busy with its last answer, try again in a few seconds",
    chain: "wait",
    retryable: true,
  },
  {
    when: ({ text }) => /parent_id .*not exist/.test(text) || text.includes("first message must not assistant"),
    kind: "upstream-failed",
    message: "Cannot continue the chat: Qwen does not know its last answer any more",
    chain: "restart",
  },
  {
    when: ({ code, text }) => code === "chat_not_found" || /the chat .*not exist/.test(text),
    kind: "upstream-failed",
    message: "Cannot continue the chat: Qwen does not know it any more",
    chain: "restart",
  },
  {
    when: ({ code, text }) => code === "data_inspection_failed" || text.includes("inappropriate content"),
    kind: "content-filtered",
    message: "Qwen refused the content: its safety check stopped this message or its answer",
  },
  {
    when: ({ code, status }) => /^context_?length_?exceeded$/.test(code) || status === 413,
    kind: "context-too-long",
    message: contextTooLong(),
  },
  {
    when: ({ code, text }) =>
      code === "quota_limit" || text.includes("high demand") || text.includes("increased too quickly"),
    kind: "overloaded",
    message: "Qwen is under high demand: try again in a few minutes",
    retryable: true,
    retryAfterMs: () => highDemandMs,
  },
  {
    when: ({ code, text }) => code === "ratelimited" || /upper limit|quota exceeded|token-limit/.test(text),
    kind: "upstream-quota",
    message: (facts) =>
      `The Qwen account has reached its usage limit: it is available again in about ${limitHours(facts)} h, or use another account`,
    retryAfterMs: (facts) => limitHours(facts) * hourMs,
  },
  {
    when: ({ code, status }) => code === "too_many_requests" || status === 429,
    kind: "upstream-quota",
    message: "Qwen takes no more requests from this account right now: try again in a moment",
    retryable: true,
    retryAfterMs: (facts) => facts.retryAfterMs ?? tooManyRequestsMs,
  },
  {
    when: ({ code, status, text }) =>
      code === "unauthorized" ||
      code === "forbidden" ||
      status === 401 ||
      status === 403 ||
      text.includes("token has expired"),
    kind: "upstream-auth",
    message: "Qwen refused the account's credentials: sign in at chat.qwen.ai and give the gateway the new token",
  },
  {
    when: ({ text }) => text.includes("model not found"),
    kind: "model-not-found",
    message: "Qwen does not offer this model to the account: GET /v1/models lists those it offers",
    param: "model",
  },
  {
    when: ({ code, text }) => code === "invalid_input" || text.includes("invalid file information"),
    kind: "invalid-request",
    message: "Qwen refused the message or its attachment as invalid",
  },
  {
    when: ({ text }) => text.includes("request header"),
    kind: "upstream-failed",
    message:
      "Qwen refused the headers of the request: copy them anew from the browser of this account, `version` among them",
  },
  {
    when: ({ code, text }) => text.includes("too many messages") || code === "requestvalidationerror",
    kind: "internal",
    message: "Qwen does not understand the gateway's request: its protocol may have changed, look for a newer gateway",
  },
  {
    when: ({ status }) => status === 504 || status === 408,
    kind: "upstream-timeout",
    message: "Qwen took too long to answer: try again",
    retryable: true,
  },
];

const unknownRefusal: Row = {
  when: () => true,
  kind: "upstream-failed",
  message: "Qwen failed to answer this request: try again",
  retryable: true,
};

/** Of all rows the last one alone is of this kind and may pass: nobody has a rule for what the refusal says. */
export function isUnknown(refusal: QwenRefusal): boolean {
  return refusal.kind === unknownRefusal.kind && refusal.retryable;
}

function challenge(): QwenRefusal {
  return new QwenRefusal(
    "upstream-challenge",
    "Qwen's firewall asks for a human check: open chat.qwen.ai in the browser of this account, solve it, wait some minutes and copy the cookies anew",
    "none",
    {},
  );
}
