// Which part of a request the upstream has not seen yet, once the turn that it continues is known.

import type { Message } from "../contract/chat-request.ts";
import type { SystemChange } from "../contract/upstream.ts";
import type { TurnClaim } from "../store/store.ts";
import type { HistoryFingerprints } from "./fingerprints.ts";

export interface UnseenMessages {
  /** Index of the first message that the upstream has not seen. System messages from here on count by `unseenSystem`. */
  readonly unseenFrom: number;
  /** Indexes of the system messages to tell, wherever they stand: what is new, or all when some are gone. */
  readonly unseenSystem: readonly number[];
  readonly systemChange: SystemChange;
}

export function unseenMessages(
  messages: readonly Message[],
  history: HistoryFingerprints,
  claim: Pick<TurnClaim, "prefixIndex" | "systemHashes">,
): UnseenMessages {
  const prefix = claim.prefixIndex === undefined ? undefined : history.prefixes[claim.prefixIndex];
  return {
    unseenFrom: prefix?.unseenFrom ?? startOfLastUserTurn(messages),
    ...unseenSystem(history, claim),
  };
}

function unseenSystem(
  { systemHashes, systemIndexes }: HistoryFingerprints,
  claim: Pick<TurnClaim, "prefixIndex" | "systemHashes">,
): Pick<UnseenMessages, "unseenSystem" | "systemChange"> {
  const seen = new Set(claim.systemHashes);
  const current = new Set(systemHashes);
  const added = systemIndexes.filter((_, index) => !seen.has(systemHashes[index] ?? ""));
  // A thin client need not repeat its instructions: what it leaves out still holds.
  const leavesOut = claim.prefixIndex === undefined && systemIndexes.length === 0;
  const goneCount = seen.difference(current).size;
  if (leavesOut || goneCount === 0) {
    return { unseenSystem: added, systemChange: added.length === 0 ? "none" : "added" };
  }
  if (systemIndexes.length === 0) return { unseenSystem: [], systemChange: "removed" };
  // Without a new form in the place of each, only the whole tells what no longer holds.
  const haveNewForms = current.difference(seen).size >= goneCount && added.length < systemIndexes.length;
  return haveNewForms
    ? { unseenSystem: added, systemChange: "changed" }
    : { unseenSystem: systemIndexes, systemChange: "replaced" };
}

/**
 * Found by the session alone: what the client has said since the last answer in its own history, which may be none.
 * An assistant message at the very end is no answer but the beginning of the next one.
 */
function startOfLastUserTurn(messages: readonly Message[]): number {
  const lastSaid = messages.findLastIndex((message) => message.role === "user" || message.role === "tool");
  return messages.slice(0, lastSaid + 1).findLastIndex((message) => message.role === "assistant") + 1;
}
