// Keys and tokens of requests: who may come in, and as whom. Of keys it holds digests only.

import { GatewayError } from "../contract/gateway-error.ts";
import type { VerifyJwt } from "./auth/jwt.ts";
import { isKeyless, type KeyOptions } from "./check-bind.ts";
import { localCaller } from "./trip.ts";

/**
 * @returns the caller whose conversations the request may see; later only where a token has to be checked
 * @throws {GatewayError} `unauthenticated`, also by rejecting
 */
export type IdentifyCaller = (headers: Headers) => string | Promise<string>;

/** Without keys and tokens everybody is the local caller. */
export function createIdentifyCaller({ apiKeys, verifyJwt }: KeyOptions): IdentifyCaller {
  if (isKeyless({ apiKeys, verifyJwt })) return () => localCaller;
  const findCaller = createFindCaller(apiKeys, callerOfDigest);
  return (headers) => {
    const presented = presentedKeys(headers);
    for (const key of presented) {
      const caller = findCaller(key);
      if (caller !== undefined) return caller;
    }
    const tokens = verifyJwt === undefined ? [] : presented.filter(looksLikeJwt);
    if (verifyJwt === undefined || tokens.length === 0) {
      throw refuse(presented.length === 0, verifyJwt !== undefined);
    }
    return verifyFirst(tokens, verifyJwt);
  };
}

/** The name under which the holder of a key is known inside. */
export function callerOfKey(key: string): string {
  return callerOfDigest(digest(key));
}

function callerOfDigest(hash: Buffer): string {
  return `key:${hash.toString("hex").slice(0, 16)}`;
}

/** Looks at every digest, whether or not one has been found: the time taken tells nothing. */
export function createFindCaller(
  keys: readonly string[],
  nameCaller: (hash: Buffer) => string,
): (key: string) => string | undefined {
  const known = keys.map((key) => {
    const hash = digest(key);
    return { hash, caller: nameCaller(hash) };
  });
  return (key) => {
    const wanted = digest(key);
    let found: string | undefined;
    for (const { hash, caller } of known) if (crypto.timingSafeEqual(hash, wanted)) found = caller;
    return found;
  };
}

const bearerToken = /^bearer\s+(\S+)\s*$/i;

/** Clients that speak two protocols may send both headers; either will do. The bearer comes first. */
export function presentedKeys(headers: Headers): readonly string[] {
  const authorization = headers.get("authorization");
  const bearer = authorization === null ? undefined : bearerToken.exec(authorization)?.[1];
  const apiKey = headers.get("x-api-key")?.trim() ?? "";
  return [bearer ?? "", apiKey].filter((key) => key !== "");
}

const jwtForm = /^[\w-]+\.[\w-]+\.[\w-]*$/;

function looksLikeJwt(key: string): boolean {
  return jwtForm.test(key);
}

async function verifyFirst(tokens: readonly string[], verifyJwt: VerifyJwt): Promise<string> {
  let failure: unknown;
  for (const token of tokens) {
    try {
      return await verifyJwt(token);
    } catch (error) {
      // The other header may hold a better one; what is told is of the first.
      failure ??= error;
    }
  }
  throw failure;
}

function refuse(isEmpty: boolean, takesTokens: boolean): GatewayError {
  return new GatewayError(
    "unauthenticated",
    isEmpty
      ? `Cannot serve this request without an API key${takesTokens ? " or a token" : ""}: ` +
          'send it as "Authorization: Bearer <key>" or "X-API-Key: <key>"'
      : `Cannot serve this request: the ${takesTokens ? "key or token" : "API key"} is not known here`,
  );
}

function digest(key: string): Buffer {
  return Bun.CryptoHasher.hash("sha256", key);
}
