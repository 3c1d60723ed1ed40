// Takes tokens back at their authorization server (RFC 7009). The SDK has no part for it.

import type { Environment } from "../../../config/load-config.ts";
import { createGuardedFetch } from "./guarded-fetch.ts";
import type { SignInRecord } from "./sign-in-vault.ts";

const limitMs = 5000;

/** @returns false when it offers no such thing, or does not answer: the tokens live on for a while */
export async function revokeTokens(record: SignInRecord, environment: Environment): Promise<boolean> {
  const endpoint = record.metadata?.["revocation_endpoint"];
  if (typeof endpoint !== "string" || !URL.canParse(endpoint)) return false;
  const { client_id: clientId, client_secret: secret } = record.client;
  const signal = AbortSignal.timeout(limitMs);
  const fetchFn = createGuardedFetch({ serverUrl: record.serverUrl, environment, signal });
  const tokens = [
    ["refresh_token", record.refreshToken],
    ["access_token", record.accessToken],
  ] as const;
  try {
    for (const [hint, token] of tokens) {
      if (token === undefined) continue;
      const body = new URLSearchParams({ token, token_type_hint: hint, client_id: clientId });
      if (secret !== undefined) body.set("client_secret", secret);
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const { ok } = await fetchFn(endpoint, { method: "POST", headers, body });
      if (!ok) return false;
    }
    return true;
  } catch {
    // Forgotten here they are in any case.
    return false;
  }
}
