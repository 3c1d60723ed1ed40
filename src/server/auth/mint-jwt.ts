// Makes a token for a user, signed with JWT_SECRET, that this gateway takes.

import { secretBytes } from "./jwt.ts";

export interface JwtToMint {
  readonly secret: string;
  readonly subject: string;
  readonly issuedAtMs: number;
  readonly lifetimeMs: number;
  /** Words with a space between them; see token-scopes.ts. Others may read more in it. */
  readonly scope?: string | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

export interface MintedJwt {
  readonly token: string;
  readonly expiresAtMs: number;
}

/** @throws {ConfigError} when the secret is too short */
export async function mintJwt(wanted: JwtToMint): Promise<MintedJwt> {
  const key = secretBytes(wanted.secret);
  const { SignJWT } = await import("jose");
  const issuedAtSeconds = Math.floor(wanted.issuedAtMs / 1000);
  const expiresAtSeconds = issuedAtSeconds + Math.floor(wanted.lifetimeMs / 1000);
  const jwt = new SignJWT(wanted.scope === undefined ? {} : { scope: wanted.scope })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(wanted.subject)
    .setIssuedAt(issuedAtSeconds)
    .setExpirationTime(expiresAtSeconds);
  if (wanted.issuer !== undefined) jwt.setIssuer(wanted.issuer);
  if (wanted.audience !== undefined) jwt.setAudience(wanted.audience);
  return { token: await jwt.sign(key), expiresAtMs: expiresAtSeconds * 1000 };
}
