// What can go wrong with a stream, as one error class: told apart by code, with sentences fit to be shown.

/**
 * - `timeout`: no byte within `timeout`, or not at its end within `totalTimeout`
 * - `network`: no connection, or it broke
 * - `http`: an answer that is no event stream: a status that is not 2xx, another content type, no body; or a request that
 *   cannot be sent
 * - `server`: the stream itself told of a failure
 * - `aborted`: the caller stopped it
 */
export type SSEErrorCode = "timeout" | "network" | "http" | "server" | "aborted";

export interface SSEErrorDetails {
  readonly cause?: unknown;
  readonly status?: number | undefined;
  readonly serverCode?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly isTransient?: boolean;
}

const sentences: Readonly<Record<SSEErrorCode, string>> = {
  timeout: "Request timed out. Please try again.",
  network: "Network error. Please check your connection.",
  http: "The request cannot be sent as it is.",
  server: "The server could not finish its answer.",
  aborted: "The stream was aborted.",
};

/** A failed stream. `message` may be shown to a person; of `http` and `server` it is the server's own. */
export class SSEError extends Error {
  readonly code: SSEErrorCode;
  /** Of the answer, when `code` is `http` and there is one. */
  readonly status: number | undefined;
  /** How the server names the failure, where it does. */
  readonly serverCode: string | undefined;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** The same request may go well a little later. */
  readonly isTransient: boolean;

  constructor(code: SSEErrorCode, message: string = sentences[code], details: SSEErrorDetails = {}) {
    // Of the details it takes the cause.
    super(message, details);
    // Callers that know fetch ask for this name.
    this.name = code === "aborted" ? "AbortError" : "SSEError";
    this.code = code;
    this.status = details.status;
    this.serverCode = details.serverCode;
    this.retryAfterMs = details.retryAfterMs;
    this.isTransient = details.isTransient ?? (code === "network" || code === "timeout");
  }
}

/** What `fetch` or a signal said, as one of ours. */
export function toSSEError(reason: unknown, otherwise: SSEErrorCode): SSEError {
  if (reason instanceof SSEError) return reason;
  const { name } = (reason ?? {}) as { name?: unknown };
  const code = name === "AbortError" ? "aborted" : name === "TimeoutError" ? "timeout" : otherwise;
  return new SSEError(code, undefined, { cause: reason });
}

const transientStatuses: readonly number[] = [408, 425, 429];

/** An answer whose status is not 2xx. `refusal` is its body, if that is JSON. */
export function toHttpError(response: Response, refusal: unknown): SSEError {
  const { status } = response;
  const { message, code } = describeFailure(refusal);
  const retryAfterSeconds = Number(response.headers?.get("retry-after") || Number.NaN);
  return new SSEError("http", message ?? `HTTP ${status}`, {
    status,
    serverCode: code,
    retryAfterMs: retryAfterSeconds >= 0 ? retryAfterSeconds * 1000 : undefined,
    isTransient:
      (status >= 500 || transientStatuses.includes(status)) && response.headers?.get("x-should-retry") !== "false",
  });
}

/**
 * The sentence and the code of a failure, wherever the server puts them: `{ message }`, `{ error: { message, code } }` or
 * `{ error: "text" }`; of anything else nothing.
 */
export function describeFailure(data: unknown): { message?: string | undefined; code?: string | undefined } {
  if (typeof data !== "object" || data === null) return {};
  const { message, code, error } = data as { message?: unknown; code?: unknown; error?: unknown };
  const inner = describeFailure(error);
  return {
    message: asText(message) ?? asText(error) ?? inner.message,
    code: asText(code) ?? inner.code,
  };
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
