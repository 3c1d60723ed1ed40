// Ids of calls: `toolu_` before the upstream's own for the client, and the upstream's own again when they come back.

const prefix = "toolu_";

/** Clients hold them to Anthropic's pattern, `^[a-zA-Z0-9_-]+$`. */
export function encodeCallId(callId: string): string {
  return prefix + callId.replaceAll(/[^\w-]/g, "_");
}

/** @param id of a call in a history, which may have begun at another service */
export function decodeCallId(id: string): string {
  return id.length > prefix.length && id.startsWith(prefix) ? id.slice(prefix.length) : id;
}
