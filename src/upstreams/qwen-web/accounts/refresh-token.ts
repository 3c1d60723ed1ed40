// A new access token for the refresh cookie of an account, and the cookies that come with it.

import { GatewayError } from "../../../contract/gateway-error.ts";
import { isJsonObject } from "../../../contract/json.ts";
import type { Account } from "../../../credentials/account.ts";
import { applySetCookies, formatCookies, parseCookies } from "../../../credentials/cookies.ts";
import type { HttpClient } from "../../../outbound/http-client.ts";
import { readAnswer } from "../client.ts";
import { upstreamName } from "../errors.ts";

export interface RefreshOptions {
  readonly http: HttpClient;
  /** Without a slash at their ends. */
  readonly authUrl: string;
  readonly baseUrl: string;
  readonly userAgent: string;
  readonly clock: () => number;
}

/** As the web client of 2026-09 sends it to this host, unless the user captured another one. */
const authVersion = "0.3.12";

/**
 * As observed on auth.qwen.ai, 2026-09: cookies only, without `authorization`.
 * @throws {GatewayError} classified
 */
export async function refreshToken(options: RefreshOptions, account: Account, signal: AbortSignal): Promise<Account> {
  const response = await options.http.send({
    method: "GET",
    url: `${options.authUrl}/api/v2/auths/refresh`,
    headers: {
      accept: "application/json, text/plain, */*",
      "accept-encoding": "identity",
      "user-agent": options.userAgent,
      "x-request-id": crypto.randomUUID(),
      origin: options.baseUrl,
      referer: `${options.baseUrl}/`,
      "x-request-origin": options.baseUrl,
      source: "web",
      version: authVersion,
      ...account.headers,
      cookie: account.cookies ?? "",
    },
    signal,
  });
  const setCookies = response.headers.getSetCookie();
  const { data } = await readAnswer(response, signal);
  const token = isJsonObject(data) ? textOf(data["access_token"]) : undefined;
  if (token === undefined) {
    throw new GatewayError("upstream-failed", "Cannot renew the token: Qwen's answer holds none", {
      upstream: upstreamName,
      retryable: true,
    });
  }
  const jar = parseCookies(account.cookies);
  // Of a session that is nothing but cookies the token is one of them: without it the firewall stops messages (2026-09).
  const hasTokenCookie = jar.has("token") || account.token === undefined;
  applySetCookies(jar, setCookies, options.clock());
  const rotated = isJsonObject(data) ? textOf(data["refresh_token"]) : undefined;
  if (rotated !== undefined) jar.set("refresh_token", rotated);
  if (hasTokenCookie) jar.set("token", token);
  return { ...account, token, cookies: formatCookies(jar) };
}

/** What cannot stand in a header is no token. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" && /^[!-:<-~]+$/.test(value) ? value : undefined;
}
