// A refusal of a server in words that all dialects share: why, what the client is told, and what it means for the key.

import type { PromptLengths } from "../../../contract/context-too-long.ts";
import { type ErrorKind, GatewayError, type GatewayErrorOptions } from "../../../contract/gateway-error.ts";

export type RefusalReason =
  /** The key is wrong, expired, or of another region or plan. */
  | "auth"
  /** The key may not use this model. */
  | "permission"
  /** Money: arrears, an unpaid bill, a plan that was not bought. */
  | "billing"
  /** A quota that time does not bring back soon. */
  | "quota-hard"
  /** Tokens a minute: over within about one. */
  | "quota-transient"
  /** Requests a minute or a second. */
  | "rate"
  /** The rate rose too quickly, though it is below the limit. */
  | "burst"
  | "concurrency"
  | "context"
  | "filter"
  | "model"
  /** The server, or its model, does something else: embeddings and no answers, or answers and no embeddings. */
  | "not-offered"
  /** Something in the request. */
  | "request"
  /** The body has too many bytes. */
  | "size"
  | "timeout"
  /** A local server still loads its model. */
  | "loading"
  /** The server could not read the tool call that its model wrote. */
  | "tool-parse"
  /** A page, or JSON that no server of this kind writes. */
  | "not-an-api"
  /** The reply was given up by the server. */
  | "aborted"
  | "server";

interface Meaning {
  readonly kind: ErrorKind;
  readonly retryable: boolean;
  /** Nothing but a person helps. */
  readonly final?: true;
  /** Until then a repetition is useless, where the server does not say. */
  readonly retryAfterMs?: number;
  /** What becomes of the key: set aside for everything, or for this model alone, for so many milliseconds. */
  readonly key?: { readonly scope: "key" | "model"; readonly asideMs: number };
}

const secondMs = 1000;
const minuteMs = 60 * secondMs;

/**
 * Limits recover within about a minute (rate-limit page of Model Studio, 2026-10). No header says how long: 2 s is where
 * backing off begins, the gateway's own delays grow from there.
 */
export const meanings: Readonly<Record<RefusalReason, Meaning>> = {
  auth: { kind: "upstream-auth", retryable: false, key: { scope: "key", asideMs: 5 * minuteMs } },
  permission: { kind: "upstream-auth", retryable: false, key: { scope: "model", asideMs: 5 * minuteMs } },
  billing: { kind: "upstream-quota", retryable: false, final: true, key: { scope: "key", asideMs: 10 * minuteMs } },
  "quota-hard": {
    kind: "upstream-quota",
    retryable: false,
    final: true,
    key: { scope: "model", asideMs: 10 * minuteMs },
  },
  "quota-transient": {
    kind: "upstream-quota",
    retryable: true,
    retryAfterMs: 5 * secondMs,
    key: { scope: "model", asideMs: 5 * secondMs },
  },
  rate: {
    kind: "upstream-quota",
    retryable: true,
    retryAfterMs: 2 * secondMs,
    key: { scope: "model", asideMs: 2 * secondMs },
  },
  burst: {
    kind: "upstream-quota",
    retryable: true,
    retryAfterMs: 5 * secondMs,
    key: { scope: "model", asideMs: 5 * secondMs },
  },
  concurrency: { kind: "overloaded", retryable: true, retryAfterMs: 2 * secondMs },
  context: { kind: "context-too-long", retryable: false },
  filter: { kind: "content-filtered", retryable: false },
  model: { kind: "model-not-found", retryable: false },
  "not-offered": { kind: "model-not-found", retryable: false },
  request: { kind: "invalid-request", retryable: false },
  size: { kind: "too-large", retryable: false },
  timeout: { kind: "upstream-timeout", retryable: true },
  loading: { kind: "overloaded", retryable: true, retryAfterMs: 2 * secondMs },
  "tool-parse": { kind: "upstream-failed", retryable: true },
  "not-an-api": { kind: "upstream-failed", retryable: false },
  aborted: { kind: "upstream-failed", retryable: true },
  server: { kind: "upstream-failed", retryable: true },
};

/** What the server said of lengths, for a repair of the body. Tokens. */
export interface ToldLengths extends PromptLengths {
  readonly maxOutputTokens?: number;
}

export class UpstreamRefusal extends GatewayError {
  readonly reason: RefusalReason;
  /** Lower case; for the search of a repair, never for clients. */
  readonly told: string;
  readonly limits: ToldLengths;

  constructor(
    reason: RefusalReason,
    message: string,
    options: GatewayErrorOptions & { readonly told?: string; readonly limits?: ToldLengths },
  ) {
    const { kind, retryable, final } = meanings[reason];
    const { told = "", limits = {} } = options;
    const lengths = reason === "context" ? { lengths: limits } : {};
    super(kind, message, { retryable, ...(final === undefined ? {} : { final }), ...lengths, ...options });
    this.reason = reason;
    this.told = told;
    this.limits = limits;
  }
}

/** Another key may be let in. */
export function isAboutKey(reason: RefusalReason): boolean {
  return meanings[reason].key !== undefined;
}
