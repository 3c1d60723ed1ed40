// A stored key as a document, for commands and routes: all but what opens the gateway. The fields are those of the settings
// file's spelling.

import { isoTime } from "../iso-time.ts";
import type { KeyView } from "./stored-keys.ts";

export function encodeKey({
  prefix,
  name,
  caller,
  scopes,
  limits,
  createdAtMs,
  expiresAtMs,
  revokedAtMs,
  state,
}: KeyView) {
  return {
    prefix,
    name,
    caller,
    state,
    scopes,
    limits: encodeLimits(limits),
    created_at: new Date(createdAtMs).toISOString(),
    expires_at: isoTime(expiresAtMs),
    revoked_at: isoTime(revokedAtMs),
  };
}

/** Absent ones stay so in JSON. */
export function encodeLimits(limits: KeyView["limits"]) {
  return {
    requests_per_minute: limits.requestsPerMinute,
    tokens_per_minute: limits.tokensPerMinute,
    tokens_per_day: limits.tokensPerDay,
    spend_per_day: limits.spendPerDay,
    streams: limits.streams,
  };
}
