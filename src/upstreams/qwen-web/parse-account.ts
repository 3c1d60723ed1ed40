// What a user pastes to an account: a token, a Cookie header, further headers of the browser.

import { type Account, tokenClaims } from "../../credentials/account.ts";

export interface CapturedCredentials {
  readonly token?: string | undefined;
  readonly cookies?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Names that the gateway sets itself, or that belong to one connection only. */
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
  "x-request-id",
  "referer",
  "origin",
  "timezone",
]);

/** Without any credential it is the anonymous account, which test servers and the emulator take. */
export function parseAccount(captured: CapturedCredentials): Account {
  const token = withoutScheme(captured.token) ?? cookieValue(captured.cookies, "token");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(captured.headers ?? {})) {
    if (!notCaptured.has(name.toLowerCase())) headers[name.toLowerCase()] = value;
  }
  return { ...identify(token, captured.cookies), token, cookies: captured.cookies, headers };
}

function withoutScheme(token: string | undefined): string | undefined {
  return token?.replace(/^bearer\s+/i, "").trim() || undefined;
}

function cookieValue(cookies: string | undefined, name: string): string | undefined {
  for (const pair of cookies?.split(";") ?? []) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim() || undefined;
  }
  return undefined;
}

/** The token's user where it tells one, so that a fresh token of the same user is the same account. */
function identify(
  token: string | undefined,
  cookies: string | undefined,
): { readonly id: string; readonly alias: string } {
  const secret = token ?? cookies;
  if (secret === undefined) return { id: "anonymous", alias: "anonymous" };
  const user = token === undefined ? undefined : tokenClaims(token)?.["id"];
  const subject = typeof user === "string" && user !== "" ? `user:${user}` : `secret:${secret}`;
  const id = new Bun.CryptoHasher("sha256").update(subject).digest("hex").slice(0, 16);
  return { id, alias: `account-${id.slice(0, 6)}` };
}
