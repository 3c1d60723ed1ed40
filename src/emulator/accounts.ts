// Who asks, and whether the token is still good. Any token is an account of its own unless a list is given.

import { isJsonObject } from "../contract/json.ts";
import type { Clock } from "../contract/clock.ts";
import { parseBody } from "./request-log.ts";
import { createUuid } from "./random.ts";
import type { RefusalName } from "./script.ts";

type AuthRefusal = Extract<RefusalName, "unauthorized" | "token-expired" | "token-revoked">;

export type TokenState = "ready" | "expired" | "revoked";

export interface AccountOptions {
  readonly clock: Clock;
  /** Only these tokens are accepted, and those issued by a refresh. Undefined: any token or none. */
  readonly tokens: readonly string[] | undefined;
  /** Account id of a token or refresh token. The others are accounts named by the `id` in their payload, or by themselves. */
  readonly accountIds: Readonly<Record<string, string>>;
  /** Life of a token that a refresh issues. */
  readonly accessTokenLifeMs: number;
  /** Each refresh gives a new refresh token, and the old one is dead. */
  readonly rotateRefreshTokens: boolean;
}

export interface Caller {
  readonly account: string;
  readonly bearer: string | undefined;
  /** Why calls that need an account are refused. */
  readonly refusal: AuthRefusal | undefined;
}

export interface Accounts {
  identify(headers: Headers): Caller;
  /** Takes the refresh cookie; the new tokens, or why not. */
  refresh(headers: Headers): { accessToken: string; refreshToken: string } | { refusal: AuthRefusal };
  setTokenState(token: string, state: TokenState): void;
  clear(): void;
}

/** Callers without a token are one account together. */
const anonymousAccount = "anonymous";

export function createAccounts(options: AccountOptions): Accounts {
  const states = new Map<string, TokenState>();
  const issued = new Set<string>();
  let refreshes = 0;

  function accountOf(token: string): string {
    const named = options.accountIds[token] ?? payloadOf(token)["id"];
    return typeof named === "string" ? named : token;
  }

  function refusalOf(token: string | undefined): AuthRefusal | undefined {
    if (token === undefined) return options.tokens === undefined ? undefined : "unauthorized";
    const state = states.get(token);
    if (state === "expired") return "token-expired";
    if (state === "revoked") return "token-revoked";
    const payload = payloadOf(token);
    // Only the short access tokens of 2026-09 die on time; older tokens are not looked at.
    if (payload["type"] === "access_token" && Number(payload["exp"]) * 1000 <= options.clock()) return "token-expired";
    const isKnown = options.tokens === undefined || options.tokens.includes(token) || issued.has(token);
    return isKnown ? undefined : "unauthorized";
  }

  return {
    identify(headers) {
      const bearer = /^bearer\s+(\S+)/i.exec(headers.get("authorization") ?? "")?.[1];
      const token = bearer ?? cookie(headers, "token");
      const account = token === undefined ? anonymousAccount : accountOf(token);
      return { account, bearer, refusal: refusalOf(token) };
    },
    refresh(headers) {
      const token = cookie(headers, "refresh_token");
      if (token === undefined) return { refusal: "unauthorized" };
      const state = states.get(token);
      if (state !== undefined && state !== "ready") return { refusal: "token-revoked" };
      refreshes++;
      const account = accountOf(token);
      const nowSeconds = Math.floor(options.clock() / 1000);
      const exp = nowSeconds + Math.floor(options.accessTokenLifeMs / 1000);
      const accessToken = unsignedJwt({ id: account, type: "access_token", exp, iat: nowSeconds, jti: refreshes });
      issued.add(accessToken);
      if (!options.rotateRefreshTokens) return { accessToken, refreshToken: token };
      states.set(token, "revoked");
      return { accessToken, refreshToken: unsignedJwt({ id: account, type: "refresh_token", jti: refreshes }) };
    },
    setTokenState: (token, state) => void states.set(token, state),
    clear() {
      states.clear();
      issued.clear();
    },
  };
}

/** The account's id as the backend shows it: a uuid. */
export function userIdOf(account: string): string {
  return createUuid("user", account);
}

function cookie(headers: Headers, name: string): string | undefined {
  for (const part of (headers.get("cookie") ?? "").split(";")) {
    const [key, ...value] = part.trim().split("=");
    if (key === name && value.length > 0 && value.join("=") !== "") return value.join("=");
  }
  return undefined;
}

function payloadOf(token: string): Readonly<Record<string, unknown>> {
  const parts = token.split(".");
  if (parts.length !== 3) return {};
  const payload = parseBody(Buffer.from(parts[1] ?? "", "base64url").toString());
  return isJsonObject(payload) ? payload : {};
}

/** Shaped like the backend's tokens. Nobody checks the signature, so it has none. */
function unsignedJwt(payload: Readonly<Record<string, string | number>>): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${encode({ alg: "none", typ: "JWT", kid: "emulator" })}.${encode(payload)}.unsigned`;
}
