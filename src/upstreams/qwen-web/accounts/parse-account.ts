// What a user gave of an account: a token, a Cookie header, further headers of the browser.

import { type Account, anonymousId, type GivenCredentials, tokenClaims } from "../../../credentials/account.ts";
import { cookieValue } from "../../../credentials/cookies.ts";

/** Names that the gateway sets itself, or that belong to one connection or one call only. */
const notCaptured: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "host",
  "connection",
  "content-length",
  "content-type",
  "accept",
  "accept-encoding",
  "transfer-encoding",
  "x-accel-buffering",
  "x-request-id",
  "referer",
  "origin",
  "timezone",
]);

/**
 * Without any credential it is the anonymous account, which test servers and the emulator take.
 * @param alias what its owner calls it; else it is named by its id
 */
export function parseAccount(given: GivenCredentials, alias?: string): Account {
  const token = withoutScheme(given.token) ?? cookieValue(given.cookies, "token");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given.headers ?? {})) {
    if (!notCaptured.has(name.toLowerCase())) headers[name.toLowerCase()] = value;
  }
  const id = identify(token, given.cookies);
  const ownAlias = id === anonymousId ? id : `account-${id.slice(0, 6)}`;
  return { id, alias: alias ?? ownAlias, token, cookies: given.cookies || undefined, headers };
}

function withoutScheme(token: string | undefined): string | undefined {
  return token?.replace(/^bearer\s+/i, "").trim() || undefined;
}

/** The token's user where it tells one, so that a fresh token of the same user is the same account. */
function identify(token: string | undefined, cookies: string | undefined): string {
  const secret = token ?? cookies;
  if (secret === undefined) return anonymousId;
  const user = token === undefined ? undefined : tokenClaims(token)?.["id"];
  const subject = typeof user === "string" && user !== "" ? `user:${user}` : `secret:${secret}`;
  return new Bun.CryptoHasher("sha256").update(subject).digest("hex").slice(0, 16);
}
