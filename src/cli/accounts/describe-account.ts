// The state of an account in words for its owner.

import { describeDuration } from "../../credentials/account-state.ts";
import type { AccountView } from "../../contract/upstream.ts";

export function describeState({ state, untilMs, reason }: AccountView, nowMs: number): string {
  if (state === "ready") return "ready";
  const words = {
    "cooling-down": "cooling down",
    "needs-sign-in": "needs sign-in",
    challenged: "challenged",
    paused: "paused",
  }[state];
  const remaining = untilMs === undefined ? "" : `, tried again in ${describeDuration(untilMs - nowMs)}`;
  return `${words}${remaining}${reason === undefined ? "" : `: ${reason}`}`;
}
