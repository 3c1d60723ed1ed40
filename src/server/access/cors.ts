// CORS for the configured origins, and only for them.

import { normalizeOrigin } from "./origin-guard.ts";
import { rateHeaderNames } from "./rate-headers.ts";

export interface Cors {
  /** Whether a page of this origin may call. */
  allows(origin: string): boolean;
  /** Headers for every answer to a request with these headers. Undefined: none. */
  headersFor(request: Headers): Record<string, string> | undefined;
  /** Headers of the answer to a preflight; undefined when the request is none, or comes from another origin. */
  preflightHeaders(request: Request): Record<string, string> | undefined;
}

const exposedHeaders = [
  "x-request-id",
  "request-id",
  "retry-after",
  "x-should-retry",
  "x-session-id",
  "x-stream-id",
  // Clients of /mcp name their calls by it.
  "mcp-session-id",
  "x-queue-wait-ms",
  "x-context-trimmed",
  "x-upstream",
  "x-model",
  "x-attempts",
  ...rateHeaderNames,
].join(", ");
const allowedMethods = "GET, HEAD, POST, DELETE, OPTIONS";
const preflightLifetimeSeconds = 600;

/** @param corsOrigins origins, or `*` for all of them. Empty: CORS is off. */
export function createCors(corsOrigins: readonly string[]): Cors {
  const anyOrigin = corsOrigins.includes("*");
  const origins = new Set(corsOrigins.map(normalizeOrigin));
  const allows = (origin: string) => anyOrigin || origins.has(normalizeOrigin(origin));

  function headersFor(request: Headers): Record<string, string> | undefined {
    if (corsOrigins.length === 0) return undefined;
    const origin = request.get("origin");
    if (origin === null || !allows(origin)) return { vary: "Origin" };
    return {
      vary: "Origin",
      "access-control-allow-origin": anyOrigin ? "*" : origin,
      "access-control-expose-headers": exposedHeaders,
    };
  }

  function preflightHeaders(request: Request): Record<string, string> | undefined {
    if (request.method !== "OPTIONS" || !request.headers.has("access-control-request-method")) return undefined;
    const origin = request.headers.get("origin");
    if (origin === null || !allows(origin)) return undefined;
    // Named one by one: an asterisk does not cover `authorization`.
    const requested = request.headers.get("access-control-request-headers");
    return {
      "access-control-allow-methods": allowedMethods,
      "access-control-max-age": String(preflightLifetimeSeconds),
      ...(requested === null ? {} : { "access-control-allow-headers": requested }),
    };
  }

  return { allows, headersFor, preflightHeaders };
}
