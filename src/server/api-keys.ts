// API keys: who may come in, and as whom. Holds digests only.

import { GatewayError } from "../contract/gateway-error.ts";
import { localCaller } from "./trip.ts";

/** @returns the caller whose conversations the request may see. @throws {GatewayError} `unauthenticated` */
export type IdentifyCaller = (headers: Headers) => string;

/** Without keys everybody is the local caller. */
export function createIdentifyCaller(apiKeys: readonly string[]): IdentifyCaller {
  if (apiKeys.length === 0) return () => localCaller;
  const known = apiKeys.map(digest);
  return (headers) => {
    const offered = offeredKeys(headers);
    for (const key of offered) {
      const found = findDigest(known, digest(key));
      if (found !== undefined) return `key:${found.toString("hex").slice(0, 16)}`;
    }
    throw new GatewayError(
      "unauthenticated",
      offered.length === 0
        ? 'Cannot serve this request without an API key: send it as "Authorization: Bearer <key>" or "X-API-Key: <key>"'
        : "Cannot serve this request: the API key is not known here",
    );
  };
}

/** Clients that speak two protocols may send both headers; either key will do. */
function offeredKeys(headers: Headers): string[] {
  const keys: string[] = [];
  const bearer = /^bearer\s+(\S+)\s*$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (bearer !== undefined) keys.push(bearer);
  const apiKey = headers.get("x-api-key")?.trim();
  if (apiKey !== undefined && apiKey !== "") keys.push(apiKey);
  return keys;
}

function digest(key: string): Buffer {
  return new Bun.CryptoHasher("sha256").update(key).digest();
}

/** Looks at every digest, whether or not one has been found: the time taken tells nothing. */
function findDigest(known: readonly Buffer[], wanted: Buffer): Buffer | undefined {
  let found: Buffer | undefined;
  for (const candidate of known) if (crypto.timingSafeEqual(candidate, wanted)) found = candidate;
  return found;
}
