// The credentials of an account in words for its owner: nothing of its secrets but the last signs of the token.

import { type Account, canRefresh, maskSecret, tokenExpiresAtMs } from "./account.ts";
import { describeDuration } from "./account-state.ts";

/** "token ****9f3c for 14 min, renews itself" */
export function describeCredentials(account: Account | undefined, nowMs: number): string {
  if (account === undefined) return "cannot be opened";
  const { token } = account;
  const renews = canRefresh(account);
  if (token === undefined) return renews ? "cookies, renews itself" : "cookies";
  const expiresAtMs = tokenExpiresAtMs(token);
  const shown = `token ${maskSecret(token)}`;
  const life =
    expiresAtMs === undefined
      ? shown
      : expiresAtMs > nowMs
        ? `${shown} for ${describeLife(expiresAtMs - nowMs)}`
        : `${shown}, over since ${new Date(expiresAtMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return renews ? `${life}, renews itself` : life;
}

function describeLife(lifeMs: number): string {
  const days = Math.floor(lifeMs / 86_400_000);
  return days >= 2 ? `${days} days` : describeDuration(lifeMs);
}
