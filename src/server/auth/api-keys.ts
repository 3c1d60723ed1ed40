// Keys and tokens of requests: who may come in, and as whom. Of keys it holds digests only.

import type { Identity } from "../../contract/access.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { callerOfDigest, digestOf, prefixOf } from "./stored-keys.ts";
import { isKeyless, type KeyOptions } from "../access/check-bind.ts";
import { localCaller } from "../trip.ts";

/**
 * @returns the caller whose conversations the request may see; later only where a token or a stored key has to be checked
 * @throws {GatewayError} `unauthenticated`, also by rejecting
 */
export type IdentifyCaller = (headers: Headers) => Identity | Promise<Identity>;

export const localIdentity: Identity = { caller: localCaller };

/** Without keys and tokens everybody is the local caller. */
export function createIdentifyCaller(options: KeyOptions): IdentifyCaller {
  const { apiKeys, verifyJwt, keyRing } = options;
  const findIdentity = createFindByKey<Identity>(apiKeys, (digest) => ({ caller: callerOfDigest(digest) }));

  /** Asks for what cannot be told at once. */
  async function identifyFirst(stored: readonly string[], tokens: readonly string[]): Promise<Identity> {
    let failure: unknown;
    for (const [keys, check] of [
      [stored, keyRing?.find],
      [tokens, verifyJwt],
    ] as const) {
      for (const key of keys) {
        try {
          const identity = await check?.(key);
          if (identity !== undefined) return identity;
        } catch (error) {
          // The other header may hold a better one; what is told is of the first.
          failure ??= error;
        }
      }
    }
    throw failure ?? refuse(false, verifyJwt !== undefined);
  }

  return (headers) => {
    if (isKeyless(options)) return localIdentity;
    const presented = presentedKeys(headers);
    for (const key of presented) {
      const identity = findIdentity(key);
      if (identity !== undefined) return identity;
    }
    const stored = keyRing === undefined ? [] : presented.filter((key) => prefixOf(key) !== undefined);
    const tokens = verifyJwt === undefined ? [] : presented.filter(looksLikeJwt);
    if (stored.length + tokens.length === 0) throw refuse(presented.length === 0, verifyJwt !== undefined);
    return identifyFirst(stored, tokens);
  };
}

/** The name under which the holder of a key is known inside. */
export function callerOfKey(key: string): string {
  return callerOfDigest(digestOf(key));
}

/** Looks at every digest, whether or not one has been found: the time taken tells nothing. */
export function createFindByKey<T>(
  keys: readonly string[],
  holderOf: (digest: Buffer) => T,
): (key: string) => T | undefined {
  const known = keys.map((key) => {
    const digest = digestOf(key);
    return { digest, holder: holderOf(digest) };
  });
  return (key) => {
    if (known.length === 0) return undefined;
    const wanted = digestOf(key);
    let found: T | undefined;
    for (const { digest, holder } of known) if (crypto.timingSafeEqual(digest, wanted)) found = holder;
    return found;
  };
}

const bearerToken = /^bearer\s+(\S+)\s*$/i;

/** Clients that speak two protocols may send several headers; any will do. The bearer comes first, Azure's name last. */
export function presentedKeys(headers: Headers): readonly string[] {
  const authorization = headers.get("authorization");
  const bearer = authorization === null ? undefined : bearerToken.exec(authorization)?.[1];
  const named = [headers.get("x-api-key"), headers.get("api-key")].map((key) => key?.trim() ?? "");
  return [bearer ?? "", ...named].filter((key) => key !== "");
}

const jwtForm = /^[\w-]+\.[\w-]+\.[\w-]*$/;

function looksLikeJwt(key: string): boolean {
  return jwtForm.test(key);
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
