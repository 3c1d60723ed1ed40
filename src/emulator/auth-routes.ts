// Who am I, and a new access token for the refresh cookie. One server plays both hosts, chat and auth.

import { userIdOf } from "./accounts.ts";
import { type Call, refuseCall } from "./call.ts";
import type { EmulatorState } from "./emulator-state.ts";
import { jsonAnswer, successEnvelope } from "./envelope.ts";

/** GET /api/v1/auths/: the old check, whose refusals have an HTTP status and no envelope. */
export function readAccountV1(call: Call, state: EmulatorState): Response {
  const { account, bearer, refusal } = call.caller;
  const hasToken = bearer !== undefined || call.request.headers.has("cookie");
  if (refusal !== undefined || !hasToken) {
    call.record.refusal = refusal ?? "unauthorized";
    return jsonAnswer(call.requestId, { detail: "401 Unauthorized" }, 401, 401);
  }
  return jsonAnswer(call.requestId, {
    ...profile(account),
    token: bearer ?? "",
    token_type: "Bearer",
    expires_at: Math.floor((state.options.clock() + state.options.accessTokenLifeMs) / 1000),
    permissions: {},
  });
}

/** GET /api/v2/auths/ on the auth host. */
export function readAccount(call: Call): Response {
  return successEnvelope(call.requestId, profile(call.caller.account));
}

export function refreshToken(call: Call, state: EmulatorState): Response {
  const tokens = state.accounts.refresh(call.request.headers);
  if ("refusal" in tokens) return refuseCall(call, tokens.refusal);
  const { accessToken, refreshToken } = tokens;
  const answer = successEnvelope(call.requestId, { access_token: accessToken, refresh_token: refreshToken });
  answer.headers.append("set-cookie", `token=${accessToken}; Path=/`);
  answer.headers.append("set-cookie", `refresh_token=${refreshToken}; Path=/; HttpOnly`);
  return answer;
}

function profile(account: string) {
  return { id: userIdOf(account), email: "emulator@example.invalid", name: "Emulator", role: "user" };
}
