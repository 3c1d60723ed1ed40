// API keys: who may come in, and as whom. Holds digests only.

import { GatewayError } from "../contract/gateway-error.ts";
import { localCaller } from "./trip.ts";

/** @returns the caller whose conversations the request may see. @throws {GatewayError} `unauthenticated` */
export type IdentifyCaller = (headers: Headers) => string;

/** Without keys everybody is the local caller. */
export function createIdentifyCaller(apiKeys: readonly string[]): IdentifyCaller {
  if (apiKeys.length === 0) return () => localCaller;
  const known = apiKeys.map((key) => {
    const hash = digest(key);
    return { hash, caller: `key:${hash.toString("hex").slice(0, 16)}` };
  });
  return (headers) => {
    const bearer = bearerKey(headers);
    const bearerCaller = bearer === undefined ? undefined : findCaller(known, digest(bearer));
    if (bearerCaller !== undefined) return bearerCaller;
    // Clients that speak two protocols may send both headers; either key will do.
    const apiKey = headers.get("x-api-key")?.trim() ?? "";
    const caller = apiKey === "" ? undefined : findCaller(known, digest(apiKey));
    if (caller !== undefined) return caller;
    throw new GatewayError(
      "unauthenticated",
      bearer === undefined && apiKey === ""
        ? 'Cannot serve this request without an API key: send it as "Authorization: Bearer <key>" or "X-API-Key: <key>"'
        : "Cannot serve this request: the API key is not known here",
    );
  };
}

interface KnownKey {
  readonly hash: Buffer;
  readonly caller: string;
}

const bearerToken = /^bearer\s+(\S+)\s*$/i;

function bearerKey(headers: Headers): string | undefined {
  const authorization = headers.get("authorization");
  return authorization === null ? undefined : bearerToken.exec(authorization)?.[1];
}

function digest(key: string): Buffer {
  return Bun.CryptoHasher.hash("sha256", key);
}

/** Looks at every digest, whether or not one has been found: the time taken tells nothing. */
function findCaller(known: readonly KnownKey[], wanted: Buffer): string | undefined {
  let found: string | undefined;
  for (const { hash, caller } of known) if (crypto.timingSafeEqual(hash, wanted)) found = caller;
  return found;
}
