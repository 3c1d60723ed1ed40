// An account of an upstream: what it is called and what it sends along. Nothing here is ever logged or shown.

import { cookieValue } from "./cookies.ts";

export interface Account {
  /** Stable on every machine: derived from the token's user where there is one. */
  readonly id: string;
  /** What logs and error sentences call it. */
  readonly alias: string;
  /** Bearer token, without the word "Bearer". */
  readonly token: string | undefined;
  /** The whole Cookie header, as the browser sends it. */
  readonly cookies: string | undefined;
  /** Whatever else the user captured, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a user gives of an account, before it has a name. */
export interface GivenCredentials {
  readonly token?: string | undefined;
  readonly cookies?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The account of requests that carry no credential: test servers and the emulator take it. */
export const anonymousId = "anonymous";

/** The claims of a JWT, unverified: it is somebody else's token. Undefined when it is no JWT. */
export function tokenClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null ? { ...claims } : undefined;
  } catch {
    // Not a JWT: an opaque token is as good.
    return undefined;
  }
}

/** Epoch milliseconds at which the token dies; undefined when it does not say. */
export function tokenExpiresAtMs(token: string | undefined): number | undefined {
  const exp = token === undefined ? undefined : tokenClaims(token)?.["exp"];
  return typeof exp === "number" && Number.isFinite(exp) ? exp * 1000 : undefined;
}

/** The short tokens of 2026-09, which die on time. What older ones say of their end is not to be relied on. */
export function isAccessToken(token: string): boolean {
  return tokenClaims(token)?.["type"] === "access_token";
}

/** Whether there is something to get a new token with. */
export function canRefresh(account: Account): boolean {
  return cookieValue(account.cookies, "refresh_token") !== undefined;
}

/** Tells two states of an account's credentials apart without holding them. */
export function credentialsDigest({ token, cookies, headers }: Omit<Account, "id" | "alias">): string {
  const sorted = Object.entries(headers).sort(([one], [other]) => (one < other ? -1 : 1));
  return new Bun.CryptoHasher("sha256")
    .update(JSON.stringify([token, cookies, sorted]))
    .digest("hex")
    .slice(0, 32);
}

/** A secret as it may be shown: enough to tell two apart. */
export function maskSecret(secret: string): string {
  return secret.length < 24 ? "****" : `****${secret.slice(-4)}`;
}
