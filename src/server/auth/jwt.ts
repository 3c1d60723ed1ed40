// User tokens (JWT): whose signature counts, what they must say, and who their user is. The library that knows
// signatures is loaded with the first token.

import type { JSONWebKeySet, JWTPayload, JWTVerifyOptions } from "jose";
import { ConfigError } from "../../config/config-error.ts";
import type { Identity } from "../../contract/access.ts";
import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { createFetchClient, type FetchFunction } from "../../outbound/fetch-client.ts";
import type { Log } from "../../telemetry/log.ts";
import { callerOfSubject } from "./caller-of-subject.ts";
import type { JwtSettings } from "./jwt-settings.ts";
import { createKeySet, type KeySet } from "./key-set.ts";
import { loadPublicKey, type PublicKey, publicAlgorithms } from "./public-key.ts";
import { scopesOfClaims } from "./token-scopes.ts";

/** @returns the caller, and what its claims allow. @throws {GatewayError} `unauthenticated`; `overloaded` when the keys are out of reach */
export type VerifyJwt = (token: string) => Promise<Identity>;

export interface JwtOptions {
  /** Of the key set. */
  readonly fetch: FetchFunction;
  readonly clock: Clock;
  readonly log: Log;
}

/** One kind of key: what it takes, and how a signature of it is checked. */
interface KeySource {
  readonly algorithms: readonly string[];
  verify(token: string, options: JWTVerifyOptions): Promise<JWTPayload>;
}

type Jose = typeof import("jose");
type FindKey = ReturnType<Jose["createLocalJWKSet"]>;

const secretAlgorithms = ["HS256", "HS384", "HS512"] as const;
/** A shorter secret can be guessed from one token. */
const leastSecretBytes = 32;
/** The headers of a whole request must not be longer either. */
const maxTokenLength = 16_384;
/** How far the clock of whoever signs may be ahead of ours. */
const leewaySeconds = 60;

/** @throws {ConfigError} when a setting is wrong, or none of them holds a key */
export function createJwtVerifier(settings: JwtSettings, options: JwtOptions): VerifyJwt {
  const sources = createSources(settings, options);
  const { jwtIssuer, jwtAudience } = settings;

  return async (token) => {
    if (token.length > maxTokenLength) throw notValid();
    const jose = await import("jose");
    const algorithm = readAlgorithm(jose, token);
    const nowMs = options.clock();
    let failure = notValid();
    for (const source of sources) {
      if (!source.algorithms.includes(algorithm)) continue;
      try {
        const payload = await source.verify(token, {
          algorithms: [...source.algorithms],
          requiredClaims: ["sub", "exp"],
          clockTolerance: leewaySeconds,
          currentDate: new Date(nowMs),
          ...(jwtIssuer === undefined ? {} : { issuer: jwtIssuer }),
          ...(jwtAudience === undefined ? {} : { audience: jwtAudience }),
        });
        return { caller: callerOf(payload, Math.floor(nowMs / 1000)), scopes: scopesOfClaims(payload) };
      } catch (error) {
        // Another key may know it. Whatever went wrong in detail is nobody's business out there.
        if (error instanceof GatewayError) failure = error;
        else if (error instanceof jose.errors.JWTExpired) failure = expired();
      }
    }
    throw failure;
  };
}

function createSources(settings: JwtSettings, { fetch, clock, log }: JwtOptions): readonly KeySource[] {
  const { jwtSecret, jwtPublicKey, jwtJwksUrl } = settings;
  const sources: KeySource[] = [];
  if (jwtSecret !== undefined) sources.push(secretSource(jwtSecret));
  if (jwtPublicKey !== undefined) sources.push(publicKeySource(loadPublicKey(jwtPublicKey)));
  if (jwtJwksUrl !== undefined) {
    sources.push(keySetSource(createKeySet({ url: jwtJwksUrl, http: createFetchClient(fetch), clock, log })));
  }
  if (sources.length > 0) return sources;
  throw new ConfigError([
    "Cannot check tokens by JWT_ISSUER or JWT_AUDIENCE alone: set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL too",
  ]);
}

/** @throws {ConfigError} when it is too short */
export function secretBytes(secret: string): Uint8Array {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length >= leastSecretBytes) return bytes;
  throw new ConfigError([`Cannot use JWT_SECRET: it has ${bytes.length} bytes, and must have ${leastSecretBytes}`]);
}

function secretSource(secret: string): KeySource {
  const bytes = secretBytes(secret);
  return {
    algorithms: secretAlgorithms,
    async verify(token, options) {
      const { jwtVerify } = await import("jose");
      return (await jwtVerify(token, bytes, options)).payload;
    },
  };
}

function publicKeySource({ jwk, algorithms }: PublicKey): KeySource {
  return {
    algorithms,
    async verify(token, options) {
      const { jwtVerify } = await import("jose");
      return (await jwtVerify(token, jwk, options)).payload;
    },
  };
}

function keySetSource(keys: KeySet): KeySource {
  /** Each keeps the keys that it has prepared: they are made again for new sets only. */
  const finders = new WeakMap<JSONWebKeySet, FindKey>();
  function finderOf({ createLocalJWKSet }: Jose, set: JSONWebKeySet): FindKey {
    const finder = finders.get(set) ?? createLocalJWKSet(set);
    finders.set(set, finder);
    return finder;
  }
  return {
    algorithms: publicAlgorithms,
    async verify(token, options) {
      const jose = await import("jose");
      const known = await keys.current();
      try {
        return await verifyBySet(jose, finderOf(jose, known), token, options);
      } catch (error) {
        const newer = isMiss(jose, error, token) ? await keys.newerThan(known) : undefined;
        if (newer === undefined) throw error;
        return await verifyBySet(jose, finderOf(jose, newer), token, options);
      }
    },
  };
}

/** A token without a key id may be of any key, so that a wrong signature looks like a key that is not there. */
function isMiss({ errors, decodeProtectedHeader }: Jose, error: unknown, token: string): boolean {
  if (error instanceof errors.JWKSNoMatchingKey) return true;
  return error instanceof errors.JWSSignatureVerificationFailed && decodeProtectedHeader(token).kid === undefined;
}

async function verifyBySet(
  jose: Jose,
  findKey: FindKey,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jose.jwtVerify(token, findKey, options)).payload;
  } catch (error) {
    if (!(error instanceof jose.errors.JWKSMultipleMatchingKeys)) throw error;
    return await verifyByEach(jose, error, token, options);
  }
}

/** Several keys fit: the one that signed it counts. */
async function verifyByEach(
  { jwtVerify, errors }: Jose,
  candidates: AsyncIterable<Parameters<Jose["jwtVerify"]>[1]>,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of candidates) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function readAlgorithm({ decodeProtectedHeader }: Jose, token: string): string {
  try {
    return decodeProtectedHeader(token).alg ?? "";
  } catch {
    throw notValid();
  }
}

function callerOf({ sub, exp, iat }: JWTPayload, nowSeconds: number): string {
  // The leeway is for beginnings: a token that ends too early is renewed, one that ends too late is open.
  if (exp === undefined || exp <= nowSeconds) throw expired();
  const caller = callerOfSubject(sub);
  if (caller === undefined || (iat !== undefined && iat > nowSeconds + leewaySeconds)) throw notValid();
  return caller;
}

function expired(): GatewayError {
  return new GatewayError("unauthenticated", "Cannot serve this request: the token has expired");
}

function notValid(): GatewayError {
  return new GatewayError("unauthenticated", "Cannot serve this request: the token is not valid here");
}
