// How long the credentials of each account still serve, as far as they say so themselves. Pure; nothing is asked.

import type { DoctorLine } from "../../../contract/doctor-line.ts";
import type { AccountView } from "../../../contract/upstream.ts";
import {
  type Account,
  anonymousId,
  canRefresh,
  isAccessToken,
  tokenExpiresAtMs,
} from "../../../credentials/account.ts";
import type { KnownAccount } from "../../../credentials/account-registry.ts";
import { describeDuration } from "../../../credentials/account-state.ts";
import { describeLife } from "../../../credentials/describe-credentials.ts";

const dayMs = 24 * 3_600_000;
const copyAgain =
  "sign in at chat.qwen.ai, copy the request `completions` as cURL, and give it to: qwen-gateway accounts add";
const copyCookies =
  "copy the whole request as cURL, or its whole Cookie header, and give it to: qwen-gateway accounts add";

export function accountLines(
  known: readonly Pick<KnownAccount, "id" | "alias" | "account">[],
  views: readonly AccountView[],
  nowMs: number,
  isDemonstration: boolean,
): DoctorLine[] {
  const own = known.filter(({ id }) => id !== anonymousId);
  if (own.length === 0) {
    const finding = isDemonstration
      ? "none: the built-in emulator answers"
      : "none: requests go out without credentials";
    return [{ verdict: "warn", subject: "account", finding, advice: "add yours: qwen-gateway accounts add" }];
  }
  return own.flatMap(({ id, alias, account }) => {
    const lines = [credentialsLine(alias, account, nowMs)];
    const view = views.find((one) => one.id === id);
    if (view !== undefined && view.state !== "ready") lines.push(asideLine(view, nowMs));
    return lines;
  });
}

export function credentialsLine(alias: string, account: Account | undefined, nowMs: number): DoctorLine {
  const subject = `account ${alias}`;
  if (account === undefined) {
    const advice = "give the gateway the MASTER_KEY (or the file master-key) that it was added with, or add it anew";
    return { verdict: "fail", subject, finding: "its credentials were sealed with another key", advice };
  }
  const { token } = account;
  const renews = canRefresh(account);
  if (token === undefined) {
    if (renews) return { verdict: "ok", subject, finding: "cookies that get tokens by themselves" };
    const finding = "cookies without token and without refresh_token";
    return { verdict: "warn", subject, finding, advice: copyCookies };
  }
  const expiresAtMs = tokenExpiresAtMs(token);
  if (expiresAtMs === undefined) return { verdict: "ok", subject, finding: "a token that does not say when it ends" };
  const leftMs = expiresAtMs - nowMs;
  if (leftMs <= 0) {
    const over = `its token expired ${describeLife(-leftMs)} ago`;
    if (renews) return { verdict: "ok", subject, finding: `${over}; it is renewed before the next message` };
    return { verdict: "fail", subject, finding: over, advice: isAccessToken(token) ? copyCookies : copyAgain };
  }
  const left = `its token lives for another ${describeLife(leftMs)}`;
  if (renews) return { verdict: "ok", subject, finding: `${left} and renews itself` };
  if (isAccessToken(token)) {
    return { verdict: "warn", subject, finding: `${left} and cannot be renewed`, advice: copyCookies };
  }
  if (leftMs < dayMs) return { verdict: "warn", subject, finding: left, advice: copyAgain };
  return { verdict: "ok", subject, finding: left };
}

function asideLine({ alias, untilMs, reason }: AccountView, nowMs: number): DoctorLine {
  const until = untilMs === undefined ? "" : `, tried again in ${describeDuration(untilMs - nowMs)}`;
  return {
    verdict: "warn",
    subject: `account ${alias}`,
    finding: `set aside${reason === undefined ? "" : `: ${reason}`}${until}`,
    advice: "when that is mended, make it ready at once: qwen-gateway accounts test",
  };
}
