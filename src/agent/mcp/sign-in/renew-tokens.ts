// New tokens by a refresh token, from the authorization server that gave it and from no other.

import type { AuthorizationServerMetadata, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import type { Environment } from "../../../config/load-config.ts";
import type { Clock } from "../../../contract/clock.ts";
import { errorOf } from "../../../contract/thrown.ts";
import { createGuardedFetch } from "./guarded-fetch.ts";
import type { SignInRecord } from "./sign-in-vault.ts";

export interface RenewOptions {
  readonly environment: Environment;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** What may pass by itself. */
const passing: ReadonlySet<unknown> = new Set(["server_error", "temporarily_unavailable", "too_many_requests"]);

/** @returns "refused": for good. An error: it may work later */
export async function renewTokens(
  record: SignInRecord,
  { environment, signal, clock }: RenewOptions,
): Promise<SignInRecord | "refused" | Error> {
  const { refreshAuthorization } = await import("@modelcontextprotocol/sdk/client/auth.js");
  try {
    const tokens = await refreshAuthorization(record.issuer, {
      // A cast: the SDK checked it before it was kept.
      ...(record.metadata && { metadata: record.metadata as unknown as AuthorizationServerMetadata }),
      clientInformation: record.client,
      refreshToken: record.refreshToken ?? "",
      ...(record.resource === undefined ? {} : { resource: record.resource }),
      fetchFn: createGuardedFetch({ serverUrl: record.serverUrl, environment, signal }),
    });
    return { ...record, ...readTokens(tokens, clock) };
  } catch (error) {
    // By the mark of the SDK's errors.
    if (error instanceof Error && "errorCode" in error && !passing.has(error.errorCode)) return "refused";
    return errorOf(error);
  }
}

export function readTokens(
  { access_token: accessToken, refresh_token: refreshToken, expires_in: lifeSeconds }: OAuthTokens,
  clock: Clock,
): Pick<SignInRecord, "accessToken" | "refreshToken" | "expiresAtMs"> {
  const expiresAtMs = lifeSeconds === undefined || !(lifeSeconds > 0) ? undefined : clock() + lifeSeconds * 1000;
  return { accessToken, refreshToken, expiresAtMs };
}
