// The credentials of an account in words for its owner: nothing of its secrets but the last signs of the token.

import { type Account, canRefresh, maskSecret, tokenExpiresAtMs } from "./account.ts";
import { describeDuration } from "./account-state.ts";

/** "token ****9f3c for 14 min, renews itself" */
export function describeCredentials(account: Account | undefined, nowMs: number): string {
  if (account === undefined) return "cannot be opened";
  const { token } = account;
  const renews = canRefresh(account);
  if (token === undefined) return renews ? "cookies, renews itself" : "cookies";
  const told = describeToken(token, tokenExpiresAtMs(token), nowMs);
  return renews ? `${told}, renews itself` : told;
}

/** "token ****9f3c for 14 min". @param expiresAtMs undefined: nobody knows */
export function describeToken(token: string, expiresAtMs: number | undefined, nowMs: number): string {
  const shown = `token ${maskSecret(token)}`;
  if (expiresAtMs === undefined) return shown;
  if (expiresAtMs > nowMs) return `${shown} for ${describeLife(expiresAtMs - nowMs)}`;
  return `${shown}, over since ${new Date(expiresAtMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** In days from two of them on: nobody counts hours then. */
export function describeLife(lifeMs: number): string {
  const days = Math.floor(lifeMs / 86_400_000);
  return days >= 2 ? `${days} days` : describeDuration(lifeMs);
}
