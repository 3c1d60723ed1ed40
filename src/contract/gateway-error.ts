// The one error class of the product and its table to HTTP. How a surface prints it is the surface's business.

import type { PromptLengths } from "./context-too-long.ts";

/** What went wrong, in words that every room shares. Closed: a new kind needs a row in every table. */
export type ErrorKind =
  | "invalid-request"
  | "context-too-long"
  | "content-filtered"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "model-not-found"
  | "method-not-allowed"
  /** Another protocol was asked for on the same connection. */
  | "upgrade-refused"
  | "gone"
  | "too-large"
  | "head-too-large"
  | "rate-limited"
  | "upstream-quota"
  | "internal"
  | "not-served"
  | "upstream-failed"
  | "upstream-auth"
  /** The model did not answer in the form that was asked for. */
  | "answer-unfit"
  | "overloaded"
  | "upstream-challenge"
  | "upstream-timeout";

/** HTTP status of each kind, the same on every surface. */
export const httpStatus: Readonly<Record<ErrorKind, number>> = {
  "invalid-request": 400,
  "context-too-long": 400,
  "content-filtered": 400,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 404,
  "model-not-found": 404,
  "method-not-allowed": 405,
  "upgrade-refused": 426,
  gone: 410,
  "too-large": 413,
  "head-too-large": 431,
  "rate-limited": 429,
  "upstream-quota": 429,
  internal: 500,
  "not-served": 501,
  "upstream-failed": 502,
  "upstream-auth": 502,
  "answer-unfit": 502,
  overloaded: 503,
  "upstream-challenge": 503,
  "upstream-timeout": 504,
};

export interface GatewayErrorOptions {
  readonly cause?: unknown;
  /** Milliseconds until a repetition makes sense. Absent: unknown. */
  readonly retryAfterMs?: number;
  /** Name of the upstream that refused. */
  readonly upstream?: string;
  /** The request field that is wrong, in the client's own spelling, such as `messages[1].role`. */
  readonly param?: string;
  /** Whether the same request may succeed when it is sent once more, elsewhere or later. @defaultValue false */
  readonly retryable?: boolean;
  /** A repetition waits for nothing, since somebody else or something else is asked: `retryAfterMs` is of who refused. @defaultValue false */
  readonly atOnce?: boolean;
  /** The client is told that asking again soon is useless. @defaultValue false */
  readonly final?: boolean;
  /** Of a prompt that is too long, as far as the upstream told them. */
  readonly lengths?: PromptLengths;
}

/**
 * A failure that a client may read. `message` never holds user content, a secret or an upstream's internals;
 * those stay in `cause`, which only the log sees.
 */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly kind: ErrorKind;
  readonly retryAfterMs: number | undefined;
  readonly upstream: string | undefined;
  readonly param: string | undefined;
  readonly retryable: boolean;
  readonly atOnce: boolean;
  readonly final: boolean;
  readonly lengths: PromptLengths | undefined;

  constructor(kind: ErrorKind, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
    this.upstream = options.upstream;
    this.param = options.param;
    this.retryable = options.retryable ?? false;
    this.atOnce = options.atOnce ?? false;
    this.final = options.final ?? false;
    this.lengths = options.lengths;
  }
}

/** The same failure for a client that should not ask again soon. */
export function withoutRepetition(error: GatewayError): GatewayError {
  return new GatewayError(error.kind, error.message, {
    cause: error.cause,
    final: true,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error.upstream === undefined ? {} : { upstream: error.upstream }),
    ...(error.param === undefined ? {} : { param: error.param }),
  });
}

/** The same failure for whoever asks another account, another chat or with another body: at once. */
export function repeatableAtOnce(error: GatewayError): GatewayError {
  return new GatewayError(error.kind, error.message, {
    cause: error,
    retryable: true,
    atOnce: true,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error.upstream === undefined ? {} : { upstream: error.upstream }),
  });
}

/** Any thrown value as a GatewayError; what is not one already becomes `internal` with a sentence that tells nothing. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new GatewayError("internal", "The gateway failed to handle this request; its log has the details", {
    cause: error,
  });
}
