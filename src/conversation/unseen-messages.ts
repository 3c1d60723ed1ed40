// Which part of a request the upstream has not seen yet, once the turn that it continues is known.

import type { Message } from "../contract/chat-request.ts";
import type { TurnClaim } from "../store/store.ts";
import type { HistoryFingerprints } from "./fingerprints.ts";

export interface UnseenMessages {
  /** Index of the first message that the upstream has not seen. System messages from here on count by `unseenSystem`. */
  readonly unseenFrom: number;
  /** Indexes of all system messages, wherever they stand, that the upstream has not seen as they are now. */
  readonly unseenSystem: readonly number[];
}

export function unseenMessages(
  messages: readonly Message[],
  history: HistoryFingerprints,
  claim: Pick<TurnClaim, "prefixIndex" | "systemHashes">,
): UnseenMessages {
  const prefix = claim.prefixIndex === undefined ? undefined : history.prefixes[claim.prefixIndex];
  const seen = new Set(claim.systemHashes);
  return {
    unseenFrom: prefix?.unseenFrom ?? startOfLastUserTurn(messages),
    unseenSystem: history.systemIndexes.filter((_, index) => !seen.has(history.systemHashes[index] ?? "")),
  };
}

/**
 * Found by the session alone: what the client has said since the last answer in its own history, which may be none.
 * An assistant message at the very end is no answer but the beginning of the next one.
 */
function startOfLastUserTurn(messages: readonly Message[]): number {
  const lastSaid = messages.findLastIndex((message) => message.role === "user" || message.role === "tool");
  return messages.slice(0, lastSaid + 1).findLastIndex((message) => message.role === "assistant") + 1;
}
