// Which session a turn belongs to.

import type { TurnClaim, TurnRecord } from "./store.ts";

/** A client may go on under another name, such as a fork's, with what was said under the first one. */
export function sessionOf(claim: TurnClaim, { sessionHint }: TurnRecord): string {
  return sessionHint ?? claim.sessionId;
}
