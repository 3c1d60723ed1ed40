// Keys, tokens and a key set's address for the tests of user tokens, on a clock of their own.

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { type JWK, type JWTPayload, SignJWT } from "jose";
import { type GatewayError, toGatewayError } from "../../../../src/contract/gateway-error.ts";
import { createJwtVerifier, type VerifyJwt } from "../../../../src/server/auth/jwt.ts";
import type { JwtSettings } from "../../../../src/server/auth/jwt-settings.ts";
import type { Log } from "../../../../src/telemetry/log.ts";

export const secret = "a secret of tests that has enough bytes";
export const nowSeconds = 1_800_000_000;

export interface KeyPair {
  readonly pem: string;
  readonly jwk: JWK;
  readonly privateKey: KeyObject;
}

function pairOf({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): KeyPair {
  return {
    pem: String(publicKey.export({ type: "spki", format: "pem" })),
    jwk: publicKey.export({ format: "jwk" }) as JWK,
    privateKey,
  };
}

export const createRsa = (modulusLength = 2048): KeyPair => pairOf(generateKeyPairSync("rsa", { modulusLength }));
export const createEc = (namedCurve = "P-256"): KeyPair => pairOf(generateKeyPairSync("ec", { namedCurve }));
export const createEd25519 = (): KeyPair => pairOf(generateKeyPairSync("ed25519"));

/** Signed as a well-behaved issuer does, unless `claims` and `header` say otherwise; undefined leaves a claim out. */
export function sign(
  key: KeyObject | Uint8Array,
  alg: string,
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const all = { sub: "ann", iat: nowSeconds, exp: nowSeconds + 3600, ...claims };
  const payload: JWTPayload = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(payload).setProtectedHeader({ alg, ...header }).sign(key);
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** With the secret of these tests. */
export function signed(
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return sign(bytesOf(secret), "HS256", claims, header);
}

/** Parts as they are: for what no library would write. */
export function forge(header: unknown, payload: unknown, signature = ""): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(payload)}.${signature}`;
}

export interface JwtWorld {
  readonly verify: VerifyJwt;
  readonly logLines: string[];
  /** How often the key set was asked for. */
  readonly fetches: () => number;
  /** What its address answers from now on. */
  serve(answer: () => Response | Promise<Response>): void;
  pass(ms: number): void;
  /** The caller, or what a client hears instead. */
  outcome(token: string): Promise<string>;
  failure(token: string): Promise<GatewayError>;
}

export const keySetUrl = "https://issuer.example/keys";

export function createJwtWorld(settings: JwtSettings): JwtWorld {
  let nowMs = nowSeconds * 1000;
  let fetches = 0;
  let answer: () => Response | Promise<Response> = () => new Response(null, { status: 500 });
  const logLines: string[] = [];
  const note = (message: string, fields: object = {}): void =>
    void logLines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log };
  const verify = createJwtVerifier(settings, {
    clock: () => nowMs,
    log,
    fetch: async () => {
      fetches++;
      return await answer();
    },
  });
  return {
    verify,
    logLines,
    fetches: () => fetches,
    serve: (next) => (answer = next),
    pass: (ms) => (nowMs += ms),
    outcome: (token) =>
      verify(token).then(
        ({ caller }) => caller,
        (error: unknown) => toGatewayError(error).message,
      ),
    failure: (token) =>
      verify(token).then(
        ({ caller }) => Promise.reject(new Error(`Came in as ${caller}`)),
        (error: unknown) => toGatewayError(error),
      ),
  };
}

export const keySetOf =
  (...keys: readonly object[]): (() => Response) =>
  () =>
    Response.json({ keys });

export const notValid = "Cannot serve this request: the token is not valid here";
export const expired = "Cannot serve this request: the token has expired";
