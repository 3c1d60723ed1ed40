// What a user captured to an account: a token, a Cookie header, further headers of the browser.

import { type Account, anonymousId, type CapturedCredentials, tokenClaims } from "../../credentials/account.ts";
import { cookieValue } from "../../credentials/cookies.ts";

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
export function parseAccount(captured: CapturedCredentials, alias?: string): Account {
  const token = withoutScheme(captured.token) ?? cookieValue(captured.cookies, "token");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(captured.headers ?? {})) {
    if (!notCaptured.has(name.toLowerCase())) headers[name.toLowerCase()] = value;
  }
  const id = identify(token, captured.cookies);
  const ownAlias = id === anonymousId ? id : `account-${id.slice(0, 6)}`;
  return { id, alias: alias ?? ownAlias, token, cookies: captured.cookies || undefined, headers };
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
