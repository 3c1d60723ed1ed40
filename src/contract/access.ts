// What a caller may use, and how much of it: the terms that the edge finds out and the gateway holds to.

import { GatewayError } from "./gateway-error.ts";

/** Amounts of one caller. Each is off unless it is there. */
export interface CallerLimits {
  readonly requestsPerMinute?: number;
  /** Read and written together. */
  readonly tokensPerMinute?: number;
  /** The same from midnight to midnight, UTC. */
  readonly tokensPerDay?: number;
  /** US dollars from midnight to midnight, UTC, as the table of prices estimates them. */
  readonly spendPerDay?: number;
  /** Replies that run at a time. */
  readonly streams?: number;
}

/** What may be used. Lists are patterns with `*` for anything; an absent one allows all. */
export interface Scopes {
  readonly models?: readonly string[];
  /** Names of `accessSurfaces`. */
  readonly surfaces?: readonly string[];
  readonly upstreams?: readonly string[];
  /** The metrics, detailed health, and what stands below `/admin`. */
  readonly admin: boolean;
}

/** Whose key or token it was. */
export interface Identity {
  /** Scopes conversations. */
  readonly caller: string;
  /** Absent: everything. */
  readonly scopes?: Scopes;
  /** Its own, which go before those of the settings. */
  readonly limits?: CallerLimits;
}

/** Amounts that are counted for one subject: a caller, or an address where callers have no names. */
export interface Quota {
  readonly subject: string;
  readonly limits: CallerLimits;
  /** For each session that a request names. Absent: none. */
  readonly session?: Pick<CallerLimits, "requestsPerMinute" | "streams">;
}

/** What holds for one request. */
export interface Access {
  readonly scopes?: Scopes;
  readonly quota?: Quota;
}

/** For questions whose session is nobody's: it is made for them alone. */
export function withoutSession(access: Access | undefined): Access | undefined {
  if (access?.quota?.session === undefined) return access;
  const { subject, limits } = access.quota;
  return { ...access, quota: { subject, limits } };
}

/** What a scope of surfaces may name: the protocols, and whatever else asks a model or acts. */
export const accessSurfaces = [
  "chat-completions",
  "completions",
  "responses",
  "messages",
  "embeddings",
  "rerank",
  "images",
  "audio",
  "typed-chat",
  "agent",
  "mcp",
] as const;

export type AccessSurface = (typeof accessSurfaces)[number];

/** `*` stands for anything. Capitals count. Linear: no pattern can take long. */
export function fitsPattern(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const part of rest) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}

/** @param names spellings of one thing, any of which may be meant by the scope */
export function isAllowed(patterns: readonly string[] | undefined, ...names: readonly string[]): boolean {
  return patterns === undefined || patterns.some((pattern) => names.some((name) => fitsPattern(pattern, name)));
}

/** As OpenAI tells it: whether there is such a model at all is nobody's business. */
export function modelOutOfScope(): GatewayError {
  return new GatewayError(
    "model-not-found",
    "Cannot use this model: it does not exist, or your key has no access to it. GET /v1/models lists those it may use",
    { param: "model" },
  );
}
