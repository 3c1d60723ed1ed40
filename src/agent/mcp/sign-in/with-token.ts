// The `fetch` of a tool server that may want a sign-in: adds the token, renews one that was refused, and tells when only a
// person can help.

import { GatewayError } from "../../../contract/gateway-error.ts";
import type { FetchLike } from "../bounded-fetch.ts";
import type { Challenge, TokenSource } from "./token-source.ts";

/**
 * @param origin the tool server's: nothing is shown to another
 * @param onRefused hears what is thrown: a transport may keep it to itself
 */
export function withToken(
  fetch: FetchLike,
  origin: string,
  source: TokenSource,
  onRefused: (error: GatewayError) => void,
): FetchLike {
  async function send(url: string | URL, init: RequestInit, token: string | undefined): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    return await fetch(url, { ...init, headers });
  }

  function refuse(error: unknown): never {
    if (error instanceof GatewayError) onRefused(error);
    throw error;
  }

  return async (url, init = {}) => {
    if (new URL(url).origin !== origin) return await fetch(url, init);
    const signal = init.signal ?? undefined;
    const token = await source.token(signal).catch(refuse);
    const response = await send(url, init, token);
    const challenge = readChallenge(response);
    if (challenge === undefined || (token === undefined && !source.fits(challenge))) return response;
    void response.body?.cancel().catch(() => undefined);
    if (challenge.isScope) refuse(await source.wantsMore(challenge.scope));
    const renewed = await source.replace(token, signal).catch(refuse);
    const second = await send(url, init, renewed);
    if (readChallenge(second) === undefined) return second;
    void second.body?.cancel().catch(() => undefined);
    return refuse(await source.refused(renewed));
  };
}

function readChallenge(response: Response): Challenge | undefined {
  if (response.status !== 401 && response.status !== 403) return undefined;
  const header = response.headers.get("www-authenticate") ?? "";
  const isBearer = /(?:^|,)\s*bearer\b/i.test(header);
  const isScope = response.status === 403 && isBearer && /\berror="?insufficient_scope\b/.test(header);
  if (response.status === 403 && !isScope) return undefined;
  return { isBearer, isScope, scope: /\bscope="([^"]*)"/.exec(header)?.[1] };
}
