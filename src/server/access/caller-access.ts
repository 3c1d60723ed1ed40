// What a caller may use, as far as its address tells, and how often: scopes of surfaces and of the administration, requests
// that are counted, and the headers that tell what is left.

import type { Access, AccessSurface, CallerLimits, Identity, Quota } from "../../contract/access.ts";
import { isAllowed } from "../../contract/access.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { Quotas } from "../../gateway/quotas/quotas.ts";
import { addressSubject } from "./address-subject.ts";
import { anthropicRateHeaders, openaiRateHeaders } from "./rate-headers.ts";
import { localCaller, type Trip } from "../trip.ts";

export interface CallerAccessOptions {
  /** Counts where amounts are limited. Absent: nothing is. */
  readonly quotas?: Quotas | undefined;
  /** Of every caller; a key's own go before them. @defaultValue none */
  readonly callerLimits?: CallerLimits | undefined;
  /** Of every session that a request names. @defaultValue none */
  readonly sessionLimits?: Quota["session"];
}

export interface CallerAccess {
  /**
   * Notes on the trip what its caller may use, and counts the request. Later only where the store has to be asked.
   * @throws {GatewayError} `forbidden`, `rate-limited`, also by rejecting
   */
  enter(trip: Trip, identity: Identity): Promise<undefined> | undefined;
}

export function createCallerAccess(options: CallerAccessOptions): CallerAccess {
  const { quotas, callerLimits = {}, sessionLimits } = options;
  const hasDefaults = Object.keys(callerLimits).length > 0 || sessionLimits !== undefined;

  function quotaOf({ caller, limits }: Identity, { clientAddress }: Trip): Quota | undefined {
    if (quotas === undefined) return undefined;
    const own = limits === undefined ? callerLimits : { ...callerLimits, ...limits };
    if (Object.keys(own).length === 0 && sessionLimits === undefined) return undefined;
    const subject = caller === localCaller ? addressSubject(clientAddress) : caller;
    return { subject, limits: own, ...(sessionLimits === undefined ? {} : { session: sessionLimits }) };
  }

  function noteHeaders(trip: Trip, quota: Quota, quotas: Quotas): void {
    const left = quotas.allowances(quota);
    const isAnthropic = surfaceOf(trip.path) === "messages";
    const headers = isAnthropic ? anthropicRateHeaders(left, trip.startedAtMs) : openaiRateHeaders(left);
    trip.answerHeaders = { ...trip.answerHeaders, ...headers };
  }

  async function countLater(counted: Promise<void>, tell: () => void): Promise<undefined> {
    await counted.finally(tell);
    return undefined;
  }

  return {
    enter(trip, identity) {
      if (!hasDefaults && identity.scopes === undefined && identity.limits === undefined) return undefined;
      const { scopes } = identity;
      const quota = quotaOf(identity, trip);
      trip.access = { ...(scopes === undefined ? {} : { scopes }), ...(quota === undefined ? {} : { quota }) };
      requireScope(trip.access, trip.path);
      if (quota === undefined || quotas === undefined || !isCounted(trip)) return undefined;
      const tell = (): void => noteHeaders(trip, quota, quotas);
      try {
        const counted = quotas.count(quota);
        if (counted !== undefined) return countLater(counted, tell);
      } catch (error) {
        tell();
        throw error;
      }
      tell();
      return undefined;
    },
  };
}

/** Paths and what is below them. */
const surfacePaths: readonly (readonly [path: string, surface: AccessSurface])[] = [
  ["/v1/chat/completions", "chat-completions"],
  ["/v1/completions", "completions"],
  ["/v1/responses", "responses"],
  ["/v1/messages", "messages"],
  ["/v1/embeddings", "embeddings"],
  ["/v1/rerank", "rerank"],
  ["/v1/images", "images"],
  ["/v1/audio", "audio"],
  ["/api/chat", "typed-chat"],
  ["/api/documents", "typed-chat"],
  ["/api/feed", "typed-chat"],
  ["/api/agent", "agent"],
  ["/api/voice", "agent"],
  ["/mcp", "mcp"],
];
/** What is kept for later requests: nobody asks a model there. Any of the surfaces will do that may refer to it. */
const keptPaths: readonly (readonly [path: string, surfaces: readonly AccessSurface[]])[] = [
  ["/v1/conversations", ["responses"]],
  ["/v1/files", ["chat-completions", "responses", "messages"]],
];
const adminPaths = ["/admin", "/metrics", "/health/detailed"];

/** @param path raw, as in `Trip.path`. Undefined: whoever has come in may ask there for what is his */
export function surfaceOf(path: string): AccessSurface | undefined {
  return surfacePaths.find(([start]) => isBelow(path, start))?.[1];
}

function surfacesFor(path: string): readonly AccessSurface[] {
  const surface = surfaceOf(path);
  if (surface !== undefined) return [surface];
  return keptPaths.find(([start]) => isBelow(path, start))?.[1] ?? [];
}

export function needsAdminScope(path: string): boolean {
  return adminPaths.some((start) => isBelow(path, start));
}

function isBelow(path: string, start: string): boolean {
  return path === start || path.startsWith(`${start}/`);
}

/** @throws {GatewayError} `forbidden` */
function requireScope({ scopes }: Access, path: string): void {
  if (scopes === undefined) return;
  if (!scopes.admin && needsAdminScope(path)) {
    throw new GatewayError("forbidden", "Cannot open this address: it needs a key or a token with the scope admin");
  }
  const surfaces = surfacesFor(path);
  if (surfaces.length === 0 || surfaces.some((surface) => isAllowed(scopes.surfaces, surface))) return;
  const names = surfaces.map((surface) => `"${surface}"`).join(" or ");
  throw new GatewayError("forbidden", `Cannot use this address: the scope of this key does not include ${names}`);
}

/** What asks a model. What only stops, counts tokens or looks something up does not. */
function isCounted({ request, path }: Trip): boolean {
  return (
    request.method === "POST" && surfaceOf(path) !== undefined && !/\/(?:cancel|count_tokens|input_tokens)$/.test(path)
  );
}
